"""`dejavid_convert torch`: tensor files and pickled dicts of the reference implementation."""

import collections
import json
import pickle
import subprocess
import sys
import unittest

import numpy as np

import convert_case
import torch_files


class Torch(convert_case.ConvertCase):
    def setUp(self):
        super().setUp()
        (self.folder / "features").mkdir()
        generator = np.random.default_rng(0)
        self.arrays = {f"video {n}": generator.normal(size=(2 + n, 5)).astype("<f4") for n in range(6)}
        self.splits = {id: ("train", "val", "test", "train", "validation", "train")[n] for n, id in enumerate(self.arrays)}
        self.labels = {id: (7, -3, 100)[n % 3] for n, id in enumerate(reversed(self.arrays))}
        self.files = {id: f"{n}.pt" for n, id in enumerate(self.arrays)}
        for id, array in self.arrays.items():
            torch_files.save(torch_files.tensor(array), self.folder / "features" / self.files[id])

    def dicts(self, protocol=4):
        for name in ("splits", "labels", "files"):
            (self.folder / f"{name}.pkl").write_bytes(pickle.dumps(getattr(self, name), protocol))
        return self.arguments()

    def arguments(self, suffix="pkl"):
        return "torch", "--features", "features", *(
            word for name in ("splits", "labels", "files") for word in (f"--{name}", f"{name}.{suffix}")
        )

    def check(self, store):
        self.assertEqual(store.ids, list(self.splits))
        self.assertEqual(store.class_names, ["-3", "7", "100"])
        self.assertEqual(store.split, [0, 1, 2, 0, 1, 0])
        self.assertEqual([int(store.class_names[label]) for label in store.labels], [self.labels[id] for id in store.ids])
        for id, stored in zip(store.ids, store.samples, strict=True):
            self.assertEqual(stored.tobytes(), self.arrays[id].tobytes())

    def test_pickles_of_every_protocol(self):
        for protocol in range(6):
            with self.subTest(protocol=protocol):
                self.check(self.convert(*self.dicts(protocol)))
                (self.folder / "a.h5").unlink()

    def test_json(self):
        for name in ("splits", "labels", "files"):
            (self.folder / f"{name}.json").write_text(json.dumps(getattr(self, name)))
        self.check(self.convert(*self.arguments("json")))

    def test_files_that_hold_a_dict_of_tensors(self):
        arguments = self.dicts()
        ids = list(self.arrays)
        for n in range(6):  # more files than are held at a time, each visited twice
            content = {id: torch_files.tensor(self.arrays[id]) for id in (ids[n], ids[n - 1])}
            torch_files.save(content, self.folder / "features" / f"{n}.pt")
        self.check(self.convert(*arguments))

    def test_integer_ids(self):
        for name in ("splits", "labels", "files"):
            setattr(self, name, {n: getattr(self, name)[id] for n, id in enumerate(self.arrays)})
        torch_files.save({0: torch_files.tensor(self.arrays["video 0"])}, self.folder / "features" / "0.pt")
        self.arrays = dict(enumerate(self.arrays.values()))
        store = self.convert(*self.dicts())
        self.assertEqual(store.ids, [str(n) for n in range(6)])
        np.testing.assert_array_equal(store.samples[0], self.arrays[0])

    def test_types_and_layouts(self):
        wide = np.random.default_rng(1).normal(size=(6, 20))
        kinds = [
            (torch_files.tensor(wide[:, :5].astype("<f8").copy()), wide[:, :5].astype("<f4")),
            (torch_files.tensor(wide[:, 5:10].astype("<f2").copy()), wide[:, 5:10].astype("<f2").astype("<f4")),
            (torch_files.tensor(np.asfortranarray(wide[:, :5].astype("<f4"))), wide[:, :5].astype("<f4")),
            (torch_files.bfloat16(np.arange(10.0).reshape(2, 5)), np.arange(10, dtype="<f4").reshape(2, 5)),
            (torch_files.Tensor(torch_files.Storage(wide.astype("<f4").tobytes(), "<f4", 120), (6, 5), (20, 2), 3), wide.astype("<f4")[:, 3:13:2]),
            (torch_files.Tensor(torch_files.Storage(wide[0].astype("<f4").tobytes(), "<f4", 20), (4, 5), (0, 1)), np.tile(wide[0, :5].astype("<f4"), (4, 1))),
        ]
        for n, (tensor, array) in enumerate(kinds):
            torch_files.save(tensor, self.folder / "features" / f"{n}.pt")
            self.arrays[f"video {n}"] = np.ascontiguousarray(array)
        self.check(self.convert(*self.dicts()))

    def test_refused_tensor_files(self):
        arguments = *self.dicts(), "--out", "a.h5"
        path = self.folder / "features" / "0.pt"
        short = torch_files.Storage(bytes(40), "<f4", 10)
        for code, words, content in (
            (10, ["Float", "shape (5)", "2-D"], torch_files.tensor(np.ones(5, "<f4"))),
            (10, ["Long"], torch_files.tensor(np.ones((2, 5), "<i8"))),
            (10, ["beyond its storage"], torch_files.Tensor(short, (3, 5), (5, 1))),
            (10, ["beyond its storage"], torch_files.Tensor(short, ((1 << 31) - 1, 5), ((1 << 31) - 1, 1))),
            (10, ["without the id 'video 0'"], {"other": torch_files.tensor(np.ones((2, 5), "<f4"))}),
            (10, ["List"], [torch_files.tensor(np.ones((2, 5), "<f4"))]),
            (12, ["f64"], torch_files.tensor(np.full((2, 5), 1e300))),
            (12, ["nan"], torch_files.tensor(np.full((2, 5), np.nan, "<f4"))),
        ):
            with self.subTest(words):
                torch_files.save(content, path)
                self.refuse(code, words, *arguments)
        torch_files.save(torch_files.tensor(np.ones((2, 5), "<f4")), path, device="cuda:0")
        self.refuse(10, ["0.pt", "CPU"], *arguments)
        for content in (b"", pickle.dumps(0x1950A86A20F9469CFC6C, 2), b"PK\x03\x04 broken"):
            path.write_bytes(content)
            self.refuse(10, ["0.pt", "torch.save"], *arguments)
        path.unlink()
        self.refuse(10, ["files.pkl", "video 0", "0.pt"], *arguments)

    def test_every_sample_needs_the_same_features(self):
        torch_files.save(torch_files.tensor(np.ones((2, 4), "<f4")), self.folder / "features" / "3.pt")
        self.refuse(10, ["3.pt", "video 3", "4 features", "expected 5"], *self.dicts(), "--out", "a.h5")

    def test_refused_dicts(self):
        def refuse(words, name, content):
            with self.subTest(words):
                arguments = self.dicts()
                (self.folder / f"{name}.pkl").write_bytes(pickle.dumps(content))
                self.refuse(10, [f"{name}.pkl", *words], *arguments, "--out", "a.h5")

        refuse(["STACK_GLOBAL", "json.dump"], "labels", {id: np.int64(1) for id in self.labels})
        refuse(["STACK_GLOBAL"], "splits", collections.OrderedDict(self.splits))
        refuse(["video 5", "'one'"], "labels", {id: "one" for id in self.labels})
        refuse(["'dev'"], "splits", {id: "dev" for id in self.splits})
        refuse(["file name"], "files", {id: 1 for id in self.files})
        refuse(["'video 5'", "splits.pkl"], "files", {id: self.files[id] for id in list(self.files)[:5]})
        refuse(["no dict"], "labels", list(self.labels.items()))
        refuse(["neither"], "labels", {id: 1.0 for id in self.labels})
        self.dicts()
        (self.folder / "splits.pkl").write_bytes(pickle.dumps({**self.splits, "more": "train"}))
        self.refuse(10, ["labels.pkl", "'more'", "splits.pkl"], *self.arguments(), "--out", "a.h5")

    def test_the_offered_way_out_works(self):
        """The line that a refusal prints turns a pickle of numpy numbers into JSON that is read."""
        arguments = list(self.dicts())
        (self.folder / "labels.pkl").write_bytes(pickle.dumps({id: np.int64(label) for id, label in self.labels.items()}))
        finished = convert_case.support.run(["dejavid_convert", *arguments, "--out", "a.h5"], cwd=self.folder)
        code = finished.stderr.split('python3 -c "')[1].split('"')[0]
        subprocess.run([sys.executable, "-c", code, "labels.pkl", "labels.json"], cwd=self.folder, check=True)
        arguments[arguments.index("labels.pkl")] = "labels.json"
        self.check(self.convert(*arguments))


if __name__ == "__main__":
    unittest.main()
