"""What the tests of dejavid_convert share: running it, and reading a store with nothing but h5py and numpy."""

import sys
from pathlib import Path

import h5py

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "end_to_end"))

import support  # noqa: E402
from xxh64 import xxh64  # noqa: E402


class Store:
    """A store's content, by h5py alone: samples [T,F], and one entry a sample of everything else."""

    def __init__(self, path):
        with h5py.File(path) as file:
            self.attributes = dict(file.attrs)
            self.features = file["features"][()]
            offsets = file["offsets"][()]
            self.samples = [self.features[begin:end] for begin, end in zip(offsets[:-1], offsets[1:])]
            self.labels, self.split = file["labels"][()].tolist(), file["split"][()].tolist()
            self.ids = [name.decode() for name in file["ids"][()]]
            self.class_names = [name.decode() for name in file["class_names"][()]] if "class_names" in file else []
            self.digests = file["digests"][()].tolist()
            per_step = {name: file[name][()] for name in ("frame_labels", "timestamps") if name in file}
            self.per_step = {
                name: [values[begin:end] for begin, end in zip(offsets[:-1], offsets[1:])] for name, values in per_step.items()
            }


class ConvertCase(support.ProgramTest):
    def convert(self, *arguments):
        """Runs it; the store it wrote (--out a.h5), its digests checked."""
        self.finished = self.succeed(["dejavid_convert", *arguments, "--out", "a.h5", "--progress", "off"])
        store = Store(self.folder / "a.h5")
        self.assertEqual(store.digests, [xxh64(sample.tobytes()) for sample in store.samples])
        return store

    def refuse(self, code, words, *arguments):
        """It must leave with `code` and one line that holds all words; nothing is left behind."""
        before = sorted(self.folder.iterdir())
        finished = support.run(["dejavid_convert", *arguments], cwd=self.folder)
        self.assertEqual(finished.code, code, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in words:
            self.assertIn(word, finished.errors[0])
        self.assertEqual(sorted(self.folder.iterdir()), before)
