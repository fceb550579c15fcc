"""MiniRocket (aeon's MiniRocketClassifier) on a TSE store, one fit a seed; needs aeon and h5py.

  launch/minirocket.py STORE.h5 OUT.json --split N --seeds N --threads N [--held-out FILE.csv...]

Trains on the labelled samples of split 0 and is judged on those of the given split (1 val, 2 test). With --held-out, a file a seed whose column
`id` names samples of split 0, it is judged on those and trained on the rest. Samples of unlike lengths are stretched, by linear interpolation, to
the longest that it trains on.
"""

import argparse
import csv
import json
import os
import pathlib
import time

import aeon
import h5py
import numpy as np
from aeon.classification.convolution_based import MiniRocketClassifier

LEAST_STEPS = 9  # the length of MiniRocket's kernels


def stretched(sample, steps):
    """[T,F] -> [F,steps], end points kept."""
    at = np.linspace(0, len(sample) - 1, steps)
    return np.stack([np.interp(at, np.arange(len(sample)), feature) for feature in sample.T])


def judge(samples, labels, train, judged, seed, threads):
    steps = max(LEAST_STEPS, *(len(samples[n]) for n in train))
    series = lambda which: np.stack([stretched(samples[n], steps) for n in which]).astype(np.float32)
    begin = time.monotonic()
    classifier = MiniRocketClassifier(random_state=seed, n_jobs=threads).fit(series(train), labels[train])
    seconds = time.monotonic() - begin
    return float(np.mean(classifier.predict(series(judged)) == labels[judged])), seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--split", type=int, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--held-out", nargs="*", default=[])
    arguments = parser.parse_args()
    with h5py.File(arguments.store) as store:
        offsets, labels, split = store["offsets"][:], store["labels"][:], store["split"][:]
        samples = [store["features"][begin:end].astype(np.float64) for begin, end in zip(offsets, offsets[1:])]
        ids = [name.decode() for name in store["ids"][:]]
    known = labels >= 0
    top1, seconds = [], []
    for seed in range(arguments.seeds):
        train, judged = np.flatnonzero(known & (split == 0)), np.flatnonzero(known & (split == arguments.split))
        if arguments.held_out:
            with open(arguments.held_out[seed], newline="", encoding="utf-8") as file:
                held_out = {row["id"] for row in csv.DictReader(file)}
            judged = np.array([n for n in train if ids[n] in held_out])
            train = np.array([n for n in train if ids[n] not in held_out])
        one, took = judge(samples, labels, train, judged, seed, arguments.threads)
        top1.append(one)
        seconds.append(round(took, 2))
    partial = arguments.out.with_suffix(".partial")
    partial.write_text(json.dumps({"top1": top1, "seconds": seconds, "stretched": bool(len(set(np.diff(offsets))) > 1),
                                   "versions": {"aeon": aeon.__version__, "numpy": np.__version__}}))
    os.replace(partial, arguments.out)


if __name__ == "__main__":
    main()
