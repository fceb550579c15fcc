"""`dejavid_convert npy`: arrays as numpy and torch save them, and tables of numbers, listed in a manifest."""

import os
import pickle
import unittest
import zipfile

import numpy as np

import convert_case
import torch_files


class Code:
    """What a pickle would run if it were trusted."""

    def __reduce__(self):
        return os.system, ("touch executed",)


class Npy(convert_case.ConvertCase):
    def save(self, name, array, version=None):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as file:
            np.lib.format.write_array(file, array, version=version)

    def manifest(self, text, **options):
        (self.folder / "m.csv").write_text(text, **options)
        return "npy", "--manifest", "m.csv"

    def test_types_byte_orders_and_layouts(self):
        generator = np.random.default_rng(0)
        expected, rows = [], ["id,file,label,split"]
        for n, (code, order, version) in enumerate(
            (code, order, version)
            for code in ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8")
            for order in "CF"
            for version in ((1, 0), (2, 0), (3, 0))
        ):
            array = np.asarray(generator.normal(size=(1 + n % 5, 4)), dtype=code, order=order)
            array[0, 0] = 6e-8 if n % 2 else -0.0  # a subnormal half
            self.save(f"s{n}.npy", array, version)
            rows.append(f"id{n},s{n}.npy,x{n % 2},{('train', 'val', 'validation', 'test')[n % 4]}")
            expected.append(array.astype(np.float32))
        store = self.convert(*self.manifest("\n".join(rows)))
        self.assertEqual(store.ids, [f"id{n}" for n in range(len(expected))])
        self.assertEqual(store.split[:4], [0, 1, 1, 2])
        for stored, array in zip(store.samples, expected, strict=True):
            self.assertEqual(stored.tobytes(), np.ascontiguousarray(array).tobytes())

    def test_manifest_oddities(self):
        self.save("with, comma.npy", np.ones((2, 3), "f4"))
        self.save("folder/b.npy", np.zeros((1, 3), "f4"))
        text = '\ufeffsplit,label,file,id\r\ntrain,10,"with, comma.npy","say ""hi"""\r\nval,9,folder/b.npy,ü\r\ntest,-1,folder/b.npy,c\r\n'
        store = self.convert(*self.manifest(text, encoding="utf-8", newline=""))
        self.assertEqual(store.ids, ['say "hi"', "ü", "c"])
        self.assertEqual(store.class_names, ["-1", "9", "10"])  # as numbers
        self.assertEqual(store.labels, [2, 1, 0])

    def test_labels_that_are_not_all_integers_sort_as_text(self):
        self.save("a.npy", np.ones((1, 1), "f4"))
        store = self.convert(*self.manifest("id,file,label,split\n1,a.npy,10,train\n2,a.npy,9,train\n3,a.npy,b,train\n"))
        self.assertEqual(store.class_names, ["10", "9", "b"])

    def test_new_samples_need_no_label(self):
        self.save("a.npy", np.ones((2, 2), "f4"))
        store = self.convert(*self.manifest("id,file,label,split\na,a.npy,x,train\nb,a.npy,y,train\nc,a.npy,,test\n"), "--logits", "2")
        self.assertEqual((store.labels, store.class_names), ([0, 1, -1], ["x", "y"]))
        self.assertEqual((store.attributes["logits"], store.attributes["unlabelled"]), (2, 1))
        (self.folder / "a.h5").unlink()
        store = self.convert(*self.manifest("id,file,split\na,a.npy,test\n"))
        self.assertEqual((store.labels, store.class_names, store.attributes["num_classes"]), ([-1], [], 0))

    def three_classes(self):
        """Two steps of a feature and two sets of logits, whose numbers tell where they stood."""
        self.save("a.npy", np.arange(14, dtype="f4").reshape(2, 7))
        return self.manifest("id,file,label,split\n1,a.npy,walk,train\n2,a.npy,jump,train\n3,a.npy,run,val\n")

    def test_the_order_of_logits_is_said(self):
        store = self.convert(*self.three_classes(), "--logits", "6")
        self.assertEqual(store.samples[0].tolist(), np.arange(14).reshape(2, 7).tolist())
        self.assertIn("note: --logits: the last 6 features", self.finished.stderr)
        self.assertIn("in this order: jump, run, walk;", self.finished.stderr)
        (self.folder / "a.h5").unlink()
        self.convert(*self.three_classes())
        self.assertNotIn("logits", self.finished.stderr)

    def test_logits_in_the_encoders_order_are_put_in_class_order(self):
        arguments = *self.three_classes(), "--logits-classes", "classes.txt"
        (self.folder / "classes.txt").write_text("\ufeffrun\r\nwalk\r\n\r\njump", encoding="utf-8")
        store = self.convert(*arguments, "--logits", "6")
        self.assertEqual(store.class_names, ["jump", "run", "walk"])
        for stored in store.samples:
            self.assertEqual(stored.tolist(), [[0, 3, 1, 2, 6, 4, 5], [7, 10, 8, 9, 13, 11, 12]])
        self.assertIn("in the order of classes.txt, and put in that of the store's classes: jump, run, walk", self.finished.stderr)
        (self.folder / "a.h5").unlink()
        self.refuse(2, ["--logits-classes", "--logits"], *arguments, "--out", "a.h5")
        self.refuse(10, ["4 logits", "expected 3"], *arguments, "--logits", "4", "--out", "a.h5")
        for text, words in (
            ("run\nwalk\n", ["2 of the 3 classes", "not jump"]),
            ("", ["0 of the 3 classes", "not jump, run, walk"]),
            ("run\nwalk\njumps\n", ["line 3", "'jumps'", "nearest: 'jump'"]),
            ("run\nwalk\nrun\njump\n", ["line 3", "'run' again, first in line 1"]),
        ):
            with self.subTest(words):
                (self.folder / "classes.txt").write_text(text)
                self.refuse(10, ["classes.txt", *words], *arguments, "--logits", "6", "--out", "a.h5")

    def test_times_follow_from_the_rate(self):
        self.save("a.npy", np.ones((3, 1), "f4"))
        self.save("b.npy", np.ones((1, 1), "f4"))
        arguments = self.manifest("id,file,label,split\na,a.npy,x,train\nb,b.npy,y,train\n")
        times = self.convert(*arguments, "--rate", "12.5").per_step["timestamps"]
        self.assertEqual([of_sample.tolist() for of_sample in times], [[0, 0.08, 0.16], [0]])
        (self.folder / "a.h5").unlink()
        self.assertNotIn("timestamps", self.convert(*arguments).per_step)
        (self.folder / "a.h5").unlink()
        for word in ("0", "-25", "inf", "nan", "25fps"):
            self.refuse(2, ["--rate", f"found {word};", "above 0"], *arguments, f"--rate={word}", "--out", "a.h5")

    def test_what_never_changes_is_noted(self):
        generator = np.random.default_rng(3)
        arrays = {name: generator.normal(size=(1 if name == "short" else 3, 4)).astype("f4") for name in ("a", "b", "short")}
        rows = ["id,file,label,split", *(f"{name},{name}.npy,{name},train" for name in arrays)]

        def notes():
            for name, array in arrays.items():
                self.save(f"{name}.npy", array)
            self.convert(*self.manifest("\n".join(rows)))
            (self.folder / "a.h5").unlink()
            return [line for line in self.finished.stderr.splitlines() if line.startswith("note:")]

        self.assertEqual(notes(), [])
        arrays["b"][:] = arrays["b"][0]
        (note,) = notes()
        self.assertIn("note: 1 sample has the same features at every step (b): ", note)
        arrays["a"][:] = arrays["a"][0]
        for array in arrays.values():
            array[:, 1], array[:, 3] = 0, 5
        note, other = notes()
        self.assertIn("note: 2 samples have the same features at every step (a, b): ", note)
        self.assertIn("note: 2 of 4 features are the same at every step of all samples (1, 3, counted from 0): ", other)
        arrays["b"][2, 1] = 1e-30
        self.assertIn("note: 1 of 4 features is the same at every step of all samples (3, ", notes()[-1])

    def test_refused_manifests(self):
        self.save("a.npy", np.ones((1, 1), "f4"))
        for words, text in (
            (["line 1", "'labels'", "'label'"], "id,file,labels,split\n"),
            (["line 1", "'note'", "rename the column or remove it"], "id,file,label,split,note\n"),
            (["line 1", "no column 'split'"], "id,file,label\n"),
            (["'id' twice"], "id,file,label,split,id\n"),
            (["line 2", "3 fields"], "id,file,label,split\na,a.npy,x\n"),
            (["line 2", "'dev'"], "id,file,label,split\na,a.npy,x,dev\n"),
            (["line 3", "b.npy"], "id,file,label,split\na,a.npy,x,train\nb,b.npy,x,train\n"),
            (["line 2", "empty label"], "id,file,label,split\na,a.npy,,train\n"),
            (["line 2", "never closed"], 'id,file,label,split\na,"a.npy,x,train\n'),
            (["line 4", "'a' again", "line 2"], "id,file,label,split\na,a.npy,x,train\nb,a.npy,x,val\na,a.npy,x,val\n"),
            (["no samples"], "id,file,label,split\n"),
        ):
            with self.subTest(words):
                if len(text.splitlines()) == 1 and words != ["no samples"]:
                    text += ",".join(["a"] * (text.count(",") + 1)) + "\n"
                self.refuse(10, ["m.csv", *words], *self.manifest(text), "--out", "a.h5")

        for line, word in (("\u00e4,a.npy,x,train", "id"), ("a,a.npy,\u00e9,train", "label")):
            arguments = self.manifest(f"id,file,label,split\nb,a.npy,x,train\n{line}\n", encoding="latin-1")
            self.refuse(10, ["m.csv:line 3", word, "UTF-8"], *arguments, "--out", "a.h5")

    def test_file_names_in_any_encoding(self):
        self.save("a.npy", np.ones((1, 1), "f4"))
        name = b"m\xe9.csv"
        (self.folder / "m.csv").write_text("id,file,label,split\na,a.npy,x,train\n")
        os.rename(os.fsencode(self.folder / "m.csv"), os.path.join(os.fsencode(self.folder), name))
        self.assertEqual(self.convert("npy", "--manifest", os.fsdecode(name)).attributes["source"], "m?.csv")

    def test_samples_that_are_not_finite_are_left_out_on_request(self):
        bad = np.ones((3, 2))
        bad[1, 0] = np.nan
        for name, array in (("a", np.full((1, 2), 1e39)), ("b", np.ones((2, 2), "f4")), ("c", bad)):
            self.save(f"{name}.npy", array)
        arguments = *self.manifest("id,file,label,split\none,a.npy,x,train\ntwo,b.npy,y,train\nthree,c.npy,x,train\n"), "--data.bad_samples"
        store = self.convert(*arguments, "skip")
        self.assertEqual((store.ids, store.labels, store.class_names), (["two"], [1], ["x", "y"]))
        for word in ("left out 2 of 3", "a.npy", "c.npy (id 'three', m.csv:line 4)", "nan at step 1, feature 0"):
            self.assertIn(word, self.finished.stderr)
        (self.folder / "a.h5").unlink()
        self.refuse(2, ["drop"], *arguments, "drop", "--out", "a.h5")
        self.save("b.npy", bad)
        self.refuse(12, ["only samples that are not finite", "b.npy"], *arguments, "skip", "--out", "a.h5", "--progress", "off")
        self.save("b.npy", np.full((2, 2), 1e6))  # finite, so not left out, but f16 cannot hold it
        self.refuse(12, ["b.npy", "line 3", "f16"], *arguments, "skip", "--float16", "--out", "a.h5", "--progress", "off")

    def test_samples_whose_file_is_missing_are_left_out_on_request(self):
        self.save("b.npy", np.ones((2, 2), "f4"))
        lines = "id,file,label,split\none,a.npy,x,train\ntwo,b.npy,y,train\nthree,gone/c.npy,x,val\n"
        store = self.convert(*self.manifest(lines), "--missing-files", "skip")
        self.assertEqual((store.ids, store.labels, store.class_names), (["two"], [1], ["x", "y"]))
        self.assertIn("left out 2 of 3 samples, whose files are not there: line 2 (a.npy), line 4 (gone/c.npy)", self.finished.stderr)
        (self.folder / "a.h5").unlink()
        self.refuse(10, ["m.csv:line 2", "a.npy", "check the path"], *self.manifest(lines), "--out", "a.h5")
        self.refuse(2, ["drop"], *self.manifest(lines), "--missing-files", "drop", "--out", "a.h5")
        self.refuse(10, ["m.csv:line 5", "'two' again"], *self.manifest(lines + "two,d.npy,y,val\n"), "--missing-files", "skip", "--out", "a.h5")
        (self.folder / "b.npy").unlink()
        self.refuse(10, ["m.csv: found none of its 3 files"], *self.manifest(lines), "--missing-files", "skip", "--out", "a.h5")

    def test_ids_of_a_dict_that_are_texts_and_numbers(self):
        tensors = [torch_files.tensor(np.full((2, 2), n, "<f4")) for n in range(2)]
        torch_files.save({"1": tensors[0], 1: tensors[1]}, self.folder / "both.pt")
        self.refuse(10, ["both.pt: found the id 1 twice"], *self.manifest("id,file,label,split\n1,both.pt,x,train\n"), "--out", "a.h5")

    def test_an_empty_field_in_quotes_is_no_empty_line(self):
        (self.folder / "x.csv").write_text('a\r\n1.5\r\n""\r\n2.5\r\n')
        self.refuse(10, ["x.csv", "line 3"], *self.manifest("id,file,label,split\none,x.csv,x,train\n"), "--out", "a.h5")

    def test_refused_arrays(self):
        arguments = *self.manifest("id,file,label,split\na,a.npy,x,train\n"), "--out", "a.h5"
        for words, array in (
            (["shape (3)", "reshape(-1, 1)"], np.ones(3, "f4")),
            (["shape ()"], np.float32(3)),
            (["shape (2, 3, 4)"], np.ones((2, 3, 4), "f4")),
            (["shape (0, 3)"], np.ones((0, 3), "f4")),
            (["'<i4'", "astype"], np.ones((2, 3), "<i4")),
            (["'<c8'"], np.ones((2, 3), "<c8")),
            (["records"], np.ones((2, 3), [("x", "f4")])),
        ):
            with self.subTest(words):
                self.save("a.npy", np.asarray(array))
                self.refuse(10, ["a.npy", *words], *arguments)
        for array in (np.full((2, 3), 1e39), np.full((2, 3), np.nan), np.full((2, 3), -np.inf, "f2")):
            self.save("a.npy", array)
            self.refuse(12, ["a.npy", "step 0"], *arguments)
        whole = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4)}"
        for words, content in (
            (["an unknown format", "numpy.save"], b"\x01 no array at all"),
            (["an empty file", "copy"], b""),
            (["zip archive"], b"PK\x03\x04 no array at all"),
            (["a pickle", "numpy.save or torch.save"], pickle.dumps([1.5])),
            (["a .ts file", "dejavid_convert ts"], b"# about\n@problemName x\n@data\n1,2:a\n"),
            (["an HDF5 file", "TSE store"], b"\x89HDF\r\n\x1a\n" + bytes(99)),
            (["a video", "dejavid_encode"], b"\0\0\0\x20ftypisom"),
            (["UTF-16", "UTF-8"], "1,2".encode("utf-16")),
            (["a.npy:line 2", "'x' in column 1"], b"1,2\nx,3\n"),
            (["within its header"], whole[:40]),
            (["format 9.0"], whole[:6] + b"\x09" + whole[7:]),
            (["bytes of data"], whole.ljust(10 + 0x76) + bytes(16)),
        ):
            with self.subTest(words):
                (self.folder / "a.npy").write_bytes(content)
                self.refuse(10, ["a.npy", *words], *arguments)

    def test_headers_that_numpy_refuses(self):
        arguments = *self.manifest("id,file,label,split\na,a.npy,x,train\n"), "--out", "a.h5"
        for header, words in (
            ("'fortran_order': 1, 'shape': (3, 2)", ["fortran_order '1'", "True or False"]),
            ("'fortran_order': Truefalse, 'shape': (3, 2)", ["fortran_order 'Truefalse'"]),
            ("'fortran_order': False, 'shape': (03, 2)", ["extent '03'"]),
            ("'fortran_order': False, 'shape': (3, +2)", ["extent '+2'"]),
            ("'fortran_order': False, 'shape': (3, 2), 'shape': (2, 3)", ["'shape' twice"]),
            ("'fortran_order': False, 'fortran_order': True, 'shape': (3, 2)", ["'fortran_order' twice"]),
            ("'fortran_order': False, 'shape': (3, 2), 'descr': '<f4'", ["'descr' twice"]),
        ):
            with self.subTest(header):
                text = ("{'descr': '<f4', " + header + "}").encode().ljust(117) + b"\n"
                (self.folder / "a.npy").write_bytes(b"\x93NUMPY\x01\x00\x76\x00" + text + bytes(24))
                self.refuse(10, ["a.npy", *words], *arguments)

    def test_headings_are_said(self):
        rows = [f"{name},{name}.csv,x,train" for name in "nab"]
        for name, heading in (("n", ""), ("a", "left,right\n"), ("b", "left,right\n")):
            (self.folder / f"{name}.csv").write_text(heading + "1,2\n4,5\n")
        self.convert(*self.manifest("\n".join(["id,file,label,split", *rows])))
        notes = [line for line in self.finished.stderr.splitlines() if "headings" in line]
        self.assertEqual(len(notes), 1, self.finished)
        for words in ("note: ", "a.csv: the first row", "left,right", "2 CSV files"):
            self.assertIn(words, notes[0])
        (self.folder / "n.csv").write_text("0x10,0x11\n1,2\n")
        (self.folder / "a.h5").unlink()
        self.refuse(10, ["n.csv:line 1", "'0x10' in column 1", "letter"], "npy", "--manifest", "m.csv", "--out", "a.h5")

    def test_zip_archives_of_something_else(self):
        np.savez(self.folder / "a.npz", np.ones((2, 3)))
        arguments = *self.manifest("id,file,label,split\na,a.npz,x,train\n"), "--out", "a.h5"
        self.refuse(10, ["a.npz", "found a .npz archive", "numpy.save"], *arguments)
        with zipfile.ZipFile(self.folder / "a.npz", "w") as archive:
            archive.writestr("[Content_Types].xml", "")
        self.refuse(10, ["a.npz", "found a spreadsheet", "CSV"], *arguments)

    def test_arrays_tensors_and_tables_of_one_manifest(self):
        generator = np.random.default_rng(1)
        arrays = {name: generator.normal(size=(2 + n, 3)).astype("<f4") for n, name in enumerate("abcdefg")}
        self.save("a.npy", arrays["a"])
        torch_files.save(torch_files.tensor(arrays["b"]), self.folder / "b.pt")
        half = arrays["c"] = arrays["c"].astype("<f2").astype("<f4")
        torch_files.save(torch_files.tensor(half.astype("<f2")), self.folder / "c.pth")
        across = np.ascontiguousarray(arrays["d"].T)  # [F,T] in the file
        storage = torch_files.tensor(across).state[0]
        torch_files.save(torch_files.Tensor(storage, arrays["d"].shape, (1, len(arrays["d"]))), self.folder / "d.pt")
        np.savetxt(self.folder / "e.csv", arrays["e"], delimiter=",", fmt="%.9g", header="x,y,z")
        np.savetxt(self.folder / "named otherwise.npy", arrays["f"], delimiter=",", fmt="%.9g", newline="\r\n")
        torch_files.save({"g": torch_files.tensor(arrays["g"]), "other": torch_files.tensor(half)}, self.folder / "several.pt")
        files = ("a.npy", "b.pt", "c.pth", "d.pt", "e.csv", "named otherwise.npy", "several.pt")
        rows = [f"{id},{file},{label}" for id, file, label in zip(arrays, files, ("run,train", "jump,train", "run,val", ",test") * 2)]
        store = self.convert(*self.manifest("\n".join(["id,file,label,split", *rows])))
        self.assertEqual((store.ids, store.class_names), (list("abcdefg"), ["jump", "run"]))
        self.assertEqual((store.labels, store.split), ([1, 0, 1, -1, 1, 0, 1], [0, 0, 1, 2, 0, 0, 1]))
        for id, stored in zip(store.ids, store.samples, strict=True):
            self.assertEqual(stored.tobytes(), arrays[id].tobytes(), id)

    def test_tables_need_the_same_headings_in_the_same_order(self):
        arguments = self.manifest("id,file,label,split\nn,n.csv,x,train\na,a.csv,x,train\nb,b.csv,y,train\n")
        (self.folder / "n.csv").write_text("1,2,3\n4,5,6\n")
        (self.folder / "a.csv").write_text("x,y,z\n1,2,3\n4,5,7\n")
        (self.folder / "b.csv").write_text('"# x","y", z\r\n1,2,3\r\n4,5,8\r\n')
        self.assertEqual(len(self.convert(*arguments).samples), 3)
        (self.folder / "a.h5").unlink()
        (self.folder / "b.csv").write_text("x,z,y\n1,3,2\n4,8,5\n")
        self.refuse(10, ["b.csv: found the heading 'z' of column 2", "expected 'y' as in a.csv"], *arguments, "--out", "a.h5")
        (self.folder / "b.csv").write_text("x,z\n1,3\n")
        self.refuse(10, ["b.csv: found 2 features; expected 3"], *arguments, "--out", "a.h5")

    def test_new_clips_as_tensors_and_tables(self):
        torch_files.save(torch_files.tensor(np.ones((2, 2), "<f4")), self.folder / "new.pt")
        (self.folder / "new.csv").write_text("1,2\n")
        store = self.convert(*self.manifest("file\nnew.pt\nnew.csv\n"))
        self.assertEqual((store.ids, store.labels, store.split), (["new.pt", "new.csv"], [-1, -1], [2, 2]))

    def test_refused_tensors_and_tables(self):
        ones = np.ones((2, 3), "<f4")
        torch_files.save(torch_files.tensor(ones), self.folder / "whole.pt")
        whole = (self.folder / "whole.pt").read_bytes()
        arguments = *self.manifest("id,file,label,split\na,a.bin,x,train\nb,b.bin,y,train\n"), "--out", "a.h5"
        (self.folder / "b.bin").write_text("1,2,3\n")

        def refuse(words, content, code=10):
            with self.subTest(words):
                if isinstance(content, bytes):
                    (self.folder / "a.bin").write_bytes(content)
                else:
                    torch_files.save(content, self.folder / "a.bin")
                self.refuse(code, ["a.bin", *words], *arguments)

        for size in range(40, len(whole), len(whole) // 7):
            refuse([], whole[:size])
        refuse(["int64", "tensor.float()"], torch_files.tensor(np.ones((2, 3), "<i8")))
        refuse(["shape (1, 2, 3)", "reshape"], torch_files.tensor(ones.reshape(1, 2, 3)))
        refuse(["without the id 'a'"], {"b": torch_files.tensor(ones)})
        refuse(["posix.system"], Code())
        refuse(["before torch 1.6"], b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19" + bytes(99))
        refuse(["step 1, feature 2", "nan"], b"1,2,3\n1,2,nan\n", 12)
        refuse(["line 2", "1e39"], b"1,2,3\n1,2,1e39\n", 12)
        refuse(["line 2", "2 columns"], b"1,2,3\n1,2\n")
        self.assertFalse((self.folder / "executed").exists())
        (self.folder / "a.bin").write_text("1,2\n")
        self.refuse(10, ["b.bin", "3 features", "expected 2", "a.bin"], *arguments)
        (self.folder / "a.bin").write_text("1,2,nan\n")
        store = self.convert(*arguments[:-2], "--data.bad_samples", "skip")
        self.assertEqual(store.ids, ["b"])

    def test_features_in_the_place_of_a_store_are_told_the_way_to_one(self):
        np.save(self.folder / "a.npy", np.ones((2, 3)))
        torch_files.save(torch_files.tensor(np.ones((2, 3), "<f4")), self.folder / "a.pt")
        self.manifest("id,file,label,split\na,a.npy,x,train\n")
        (self.folder / "a.ts").write_text("@problemName x\n@data\n1,2:a\n")
        for file, words in (
            ("m.csv", ["found no HDF5 file but text", "dejavid_convert npy --manifest m.csv --out"]),
            ("a.npy", ["but a .npy file", "dejavid_convert npy --manifest TABLE.csv"]),
            ("a.pt", ["but what torch.save writes", "dejavid_convert npy --manifest TABLE.csv"]),
            ("a.ts", ["but a .ts file", "dejavid_convert ts --train a.ts"]),
        ):
            with self.subTest(file):
                self.refuse(10, [file, "expected a TSE store", *words], "info", file)

    def test_what_is_no_manifest(self):
        self.save("a.npy", np.ones((2, 3)))
        self.refuse(10, ["a.npy: found a .npy file", "CSV file with the columns"], "npy", "--manifest", "a.npy", "--out", "a.h5")
        arguments = self.manifest("id,file,label,split\na,a.npy,x,train\n", encoding="utf-16")
        self.refuse(10, ["m.csv: found text in UTF-16", "UTF-8"], *arguments, "--out", "a.h5")

    def test_every_sample_needs_the_same_features(self):
        self.save("a.npy", np.ones((2, 3), "f4"))
        self.save("b.npy", np.ones((2, 4), "f4"))
        self.refuse(10, ["b.npy", "4 features", "expected 3"], *self.manifest("id,file,label,split\na,a.npy,x,train\nb,b.npy,y,train\n"), "--out", "a.h5")


if __name__ == "__main__":
    unittest.main()
