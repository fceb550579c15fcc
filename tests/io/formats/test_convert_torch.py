"""`dejavid_convert torch`: tensor files and pickled dicts of the reference implementation."""

import collections
import json
import os
import pickle
import subprocess
import sys
import unittest
import zipfile
from pathlib import Path

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

    def test_labels_that_are_names(self):
        names = {7: "run", -3: "jump", 100: "wave"}
        self.labels = {id: names[label] for id, label in self.labels.items()}
        store = self.convert(*self.dicts())
        self.assertEqual(store.class_names, ["jump", "run", "wave"])
        self.assertEqual([store.class_names[label] for label in store.labels], [self.labels[id] for id in store.ids])

    def test_files_that_hold_a_dict_of_tensors(self):
        arguments = self.dicts()
        ids = list(self.arrays)
        for n in range(6):
            content = {id: torch_files.tensor(self.arrays[id]) for id in (ids[n], ids[n - 1])}
            content["beside the tensors"] = 3
            if n % 2 == 1:  # the state of a module has an attribute beside its items
                content = collections.OrderedDict(content)
                content._metadata = collections.OrderedDict(version=n)
            torch_files.save(content, self.folder / "features" / f"{n}.pt", protocol=2 + n % 4)
        self.check(self.convert(*arguments))

    def test_a_file_is_read_once_whatever_the_order_of_ids(self):
        files, each, features = 6, 16, 4096
        ids = [f"v{n}" for n in range(files * each)]  # file after file, so that no two ids in a row share one
        base = torch_files.Storage(np.arange(each * features, dtype="<f4").tobytes(), "<f4", each * features)
        for f in range(files):
            content = {id: torch_files.Tensor(base, (2, features // 2), (features // 2, 1), n * features) for n, id in enumerate(ids[f::files])}
            torch_files.save(content, self.folder / "features" / f"s{f}.pt")
        for name, value in (("splits", lambda n: "train"), ("labels", lambda n: n % 2), ("files", lambda n: f"s{n % files}.pt")):
            (self.folder / f"{name}.json").write_text(json.dumps({id: value(n) for n, id in enumerate(ids)}))
        program = convert_case.support.BIN / "dejavid_convert"
        job = subprocess.Popen([program, *self.arguments("json"), "--out", "a.h5", "--progress", "off"], cwd=self.folder, stdout=subprocess.DEVNULL)
        os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOWAIT)
        bytes_read = int(Path(f"/proc/{job.pid}/io").read_text().split()[1])
        self.assertEqual(job.wait(), 0)
        size = sum((self.folder / "features" / f"s{f}.pt").stat().st_size for f in range(files))
        self.assertLess(bytes_read, 2 * size)
        store = convert_case.Store(self.folder / "a.h5")
        for n in (0, 1, len(ids) - 1):
            np.testing.assert_array_equal(store.samples[n].ravel(), np.arange(features) + n // files * features)

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
        for big_endian in (False, True):
            for n, (tensor, array) in enumerate(kinds):
                torch_files.save(tensor, self.folder / "features" / f"{n}.pt", big_endian=big_endian)
                self.arrays[f"video {n}"] = np.ascontiguousarray(array)
            self.check(self.convert(*self.dicts()))
            (self.folder / "a.h5").unlink()

    def test_where_tensors_come_from_does_not_matter(self):
        """Devices, parameters, lazily negated and conjugated views, attributes: as torch.load has them on the CPU."""
        array = np.arange(10, dtype="<f4").reshape(2, 5)
        plain, negated = torch_files.tensor(array), torch_files.tensor(array, {"neg": True})
        typed = torch_files.Call(
            torch_files.function("torch._tensor", "_rebuild_from_type_v2"), torch_files.rebuild_tensor, torch_files.tensor_class, negated.__reduce__()[1], {"note": 1}
        )
        kinds = [
            (plain, array, {"device": "cuda:3"}),
            (torch_files.parameter(negated), -array, {"device": "mps"}),
            (negated, -array, {"big_endian": True}),
            (torch_files.tensor(array, {"neg": False, "conj": True}), array, {"byteorder": None}),
            (typed, -array, {"protocol": 4}),
            (plain, array, {"version": "10", ".format_version": None, ".storage_alignment": None}),
        ]
        for n, (tensor, expected, options) in enumerate(kinds):
            torch_files.save(tensor, self.folder / "features" / f"{n}.pt", **options)
            self.arrays[f"video {n}"] = expected
        self.check(self.convert(*self.dicts()))

    def test_samples_that_are_not_finite_are_left_out_on_request(self):
        bad = {"video 0": np.full((2, 5), 1e300), "video 4": np.full((3, 5), np.inf, "<f2")}
        for id, array in bad.items():
            torch_files.save(torch_files.tensor(array), self.folder / "features" / self.files[id])
        store = self.convert(*self.dicts(), "--data.bad_samples", "skip")
        self.assertEqual(store.ids, [id for id in self.splits if id not in bad])
        self.assertEqual(store.samples[0].tobytes(), self.arrays["video 1"].tobytes())
        for word in ("left out 2 of 6", "features/0.pt", "1e+300", "features/4.pt", "inf at step 0"):
            self.assertIn(word, self.finished.stderr)

    def test_refused_tensor_files(self):
        arguments = *self.dicts(), "--out", "a.h5"
        path = self.folder / "features" / "0.pt"
        short = torch_files.Storage(bytes(40), "<f4", 10)
        for code, words, content in (
            (10, ["float32", "shape (5)", "2-D"], torch_files.tensor(np.ones(5, "<f4"))),
            (10, ["int64"], torch_files.tensor(np.ones((2, 5), "<i8"))),
            (10, ["complex64", "view_as_real"], torch_files.tensor(np.ones((2, 5), "<c8"))),
            (10, ["unknown mark 'twisted'"], torch_files.tensor(np.ones((2, 5), "<f4"), {"twisted": True})),
            (10, ["a sparse tensor", "to_dense"], torch_files.Call(torch_files.function("torch._utils", "_rebuild_sparse_tensor"), 1, ())),
            (10, ["a quantized tensor"], {"video 0": torch_files.Call(torch_files.function("torch._utils", "_rebuild_qtensor"))}),
            (10, ["a nested tensor"], torch_files.Call(torch_files.function("torch._utils", "_rebuild_nested_tensor"))),
            (10, ["a NumPy array", "from_numpy"], {"video 0": np.ones((2, 5))}),
            (10, ["collections.Counter"], collections.Counter("ab")),
            (10, ["None"], None),
            (10, ["beyond its storage"], torch_files.Tensor(short, (3, 5), (5, 1))),
            (10, ["beyond its storage"], torch_files.Tensor(short, ((1 << 31) - 1, 5), ((1 << 31) - 1, 1))),
            (10, ["without the id 'video 0'"], {"other": torch_files.tensor(np.ones((2, 5), "<f4"))}),
            (10, ["a list"], [torch_files.tensor(np.ones((2, 5), "<f4"))]),
            (12, ["f64"], torch_files.tensor(np.full((2, 5), 1e300))),
            (12, ["0.pt", "nan at step 0, feature 0", "skip"], torch_files.tensor(np.full((2, 5), np.nan, "<f4"))),
        ):
            with self.subTest(words):
                torch_files.save(content, path)
                self.refuse(code, words, *arguments)
        for words, options in (
            (["device meta"], {"device": "meta"}),
            (["byteorder 'middle'"], {"byteorder": "middle"}),
            (["version '11'"], {"version": "11\n"}),
            (["no record 'version'"], {"version": None}),
            ([".format_version '2'"], {".format_version": "2"}),
            ([".storage_alignment 'x'"], {".storage_alignment": "x"}),
            (["record '.later'"], {".later": "1"}),
            (["TorchScript"], {"constants.pkl": "."}),
            (["compressed"], {"compression": zipfile.ZIP_DEFLATED}),
        ):
            with self.subTest(words):
                torch_files.save(torch_files.tensor(np.ones((2, 5), "<f4")), path, **options)
                self.refuse(10, ["0.pt", *words], *arguments)
        for words, content in (
            (["no zip"], b""),
            (["before torch 1.6"], pickle.dumps(0x1950A86A20F9469CFC6C, 2)),
            (["no end of a zip"], b"PK\x03\x04 broken"),
        ):
            path.write_bytes(content)
            self.refuse(10, ["0.pt", "torch.save", *words], *arguments)
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
        refuse(["STACK_GLOBAL collections.OrderedDict"], "splits", collections.OrderedDict(self.splits))
        refuse(["video 4", "'one'", "an integer"], "labels", {**self.labels, "video 4": "one"})
        refuse(["video 4", "an integer", "as text"], "labels", {id: "one" for id in self.labels} | {"video 4": 1})
        refuse(["video 4", "empty label"], "labels", {id: "one" for id in self.labels} | {"video 4": ""})
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
