"""Copies a TSE store whose val split is what others are judged on: there it is the test split, so that another can be held out of training.

  launch/val_as_test.py STORE.h5 OUT.h5
"""

import os
import pathlib
import shutil
import sys

import h5py


def main():
    source, out = map(pathlib.Path, sys.argv[1:])
    partial = out.with_suffix(".partial")
    shutil.copyfile(source, partial)
    partial.chmod(0o644)
    with h5py.File(partial, "r+") as store:
        split = store["split"][:]
        split[split == 1] = 2
        store["split"][:] = split
        if "index_digest" in store.attrs:  # optional, and of the old splits
            del store.attrs["index_digest"]
    os.replace(partial, out)


if __name__ == "__main__":
    main()
