"""`align`: one video beside others, in files."""

import csv
import json
import unittest
import xml.etree.ElementTree

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_independent import hard_path, random_weights
from lrprop_support import PROGRAM, TINY, options

IDS = ["s01_e01", "a b/ü", "..", 'quote"and,comma', "s01_e02", "-x", "%41", "A", "a"]


class Align(lrprop_support.LrpropTest):
    def setUp(self):
        super().setUp()
        self.videos = lrprop_support.make_videos(51, per_class=6)
        self.videos.ids = IDS
        self.store = lrprop_support.write_store(self.folder / "set.h5", self.videos)
        self.model = lrprop_support.write_model(self.folder / "model.h5", TINY, random_weights(TINY, 52))

    def arguments(self, query, *more, **settings):
        given = options(model__init=self.model, data__store=self.store, **settings)
        return [PROGRAM, "align", *given, "--query", query, *more]

    def align(self, name, query, *more, ranks=None):
        """{file name: bytes} of what it writes."""
        folder = self.folder / name
        self.said = self.succeed(self.arguments(query, *more, "--out", folder), ranks)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def path_of(self, content):
        rows = list(csv.DictReader(content.decode().splitlines()))
        return [(int(row["query_frame"]), int(row["other_frame"])) for row in rows], rows

    def test_files_and_paths(self):
        files = self.align("aligned", "s01_e01")
        overview = json.loads(files["transfer.json"])
        others = [one["other"] for one in overview["others"]]
        self.assertEqual(others, [name for name in IDS if name != "s01_e01"])
        self.assertIn("transfer.csv", files)
        self.assertEqual(len(files), 3 + 3 * len(others))
        features = support.read_arrays(self.embed("embeddings", self.model, self.store))
        rows = np.split(features["features"].astype(float), features["offsets"][1:-1])
        for name, content in files.items():
            if name.endswith(".svg"):
                xml.etree.ElementTree.fromstring(content)
            if not name.startswith("align-") or not name.endswith(".json"):
                continue
            one = json.loads(content, parse_constant=self.fail)
            path, lines = self.path_of(files[name.removesuffix(".json") + ".csv"])
            self.assertEqual(path, [tuple(cell) for cell in one["path"]])
            other = rows[IDS.index(one["other"])]
            self.assertEqual((path[0], path[-1]), ((0, 0), (len(rows[0]) - 1, len(other) - 1)))
            steps = {tuple(step) for step in np.diff(path, axis=0)}
            self.assertLessEqual(steps, {(0, 1), (1, 0), (1, 1)})
            distances = np.linalg.norm(rows[0][:, None] - other[None], axis=-1)
            np.testing.assert_allclose([float(line["distance"]) for line in lines], [distances[cell] for cell in path], atol=1e-6)
            self.assertEqual(path, hard_path(distances))

    def test_phases_are_carried_over_into_a_store(self):
        files = self.align("aligned", "s01_e01")
        out = self.folder / "carried.h5"
        self.succeed(["dejavid_convert", "labels", "--store", self.store, "--labels", self.folder / "aligned" / "phases.csv", "--out", out])
        before, after = support.read_arrays(self.store), support.read_arrays(out)
        offsets = before["offsets"]
        names = [name.decode() if isinstance(name, bytes) else name for name in after["ids"]]
        for n, name in enumerate(names):
            own = after["frame_labels"][offsets[n] : offsets[n + 1]].tolist()
            if name == "s01_e01":
                self.assertEqual(own, before["frame_labels"][offsets[n] : offsets[n + 1]].tolist())
            else:
                other = next(json.loads(content) for file, content in files.items()
                             if file.startswith("align-") and file.endswith(".json") and json.loads(content)["other"] == name)
                self.assertEqual(own, other["labels"])

    def test_any_number_of_ranks_writes_the_same(self):
        expected = self.align("one", "s01_e01")
        for ranks in (2, 3, 12):
            self.assertEqual(self.align(f"ranks_{ranks}", "s01_e01", ranks=ranks), expected)

    def test_ids_with_odd_characters_stay_within_the_folder(self):
        before = {path.name for path in self.folder.iterdir()}
        for n, query in enumerate(IDS):
            files = self.align(f"query_{n}", query, "--with", "s01_e02" if query != "s01_e02" else "s01_e01")
            self.assertEqual(len(files), 6, files.keys())
        self.assertEqual({path.name for path in self.folder.iterdir()} - before, {f"query_{n}" for n in range(len(IDS))})
        self.succeed(self.arguments("a b/ü"))
        made = {path.name for path in self.folder.iterdir() if path.name.startswith("align-")}
        self.assertEqual(len(made), 1, made)

    def test_some_others(self):
        files = self.align("some", "s01_e01", "--with", "s01_e02,A,s01_e02,s01_e01", "--key-frames", "0,3")
        overview = json.loads(files["transfer.json"])
        self.assertEqual([one["other"] for one in overview["others"]], ["s01_e02", "A"])
        moments = list(csv.DictReader(files["transfer.csv"].decode().splitlines()))
        self.assertEqual([moment["query_frame"] for moment in moments], ["0", "3"] * 2)

    def test_what_is_not_there(self):
        self.refuse(self.arguments("s01_e03"), 2, '--query: found "s01_e03"', "nearest", '"s01_e01"', '"s01_e02"')
        self.refuse(self.arguments("s01_e01", "--with", "A,nobody"), 2, '--with: found "nobody"')
        self.refuse(self.arguments("s01_e01", "--with", "s01_e01"), 2, "--with", ranks=(None,))
        self.refuse(self.arguments("s01_e01", "--with", "A,,"), 2, '--with: found ""', ranks=(None,))
        for wrong in ("-1", "x", "1,", "100000", "1.5", "99999999999999999999"):
            self.refuse(self.arguments("s01_e01", "--key-frames", wrong), 2, "--key-frames", ranks=(None,))
        self.refuse([PROGRAM, "align", *options(model__init=self.model, data__store=self.store)], 2, "--query", ranks=(None,))
        self.assertEqual([path for path in self.folder.iterdir() if path.is_dir()], [])

    def test_videos_without_phases_or_of_one_frame(self):
        self.videos.frame_labels = self.videos.timestamps = None
        self.videos.samples[1] = self.videos.samples[1][:1]
        lrprop_support.write_store(self.store, self.videos)
        files = self.align("plain", "a b/ü")
        overview = json.loads(files["transfer.json"], parse_constant=self.fail)
        self.assertIsNone(overview["label_accuracy"])
        for name in files:
            if name.startswith("align-") and name.endswith(".csv"):
                path, _ = self.path_of(files[name])
                self.assertEqual({query for query, _ in path}, {0})

    def test_new_videos_without_labels_get_the_phases_of_a_labelled_one(self):
        """The documented way: a store of files alone beside the labelled one, aligned, merged and labelled."""
        self.videos.timestamps = None
        self.store.unlink()
        lrprop_support.write_store(self.store, self.videos)
        with h5py.File(self.store, "r+") as store:
            store["phase_names"] = support.fixed_length(["reach", "lift", "put"])
        new = lrprop_support.make_videos(53, per_class=2, validation_per_class=0).samples
        for n, sample in enumerate(new):
            np.save(self.folder / f"n{n}.npy", sample)
        (self.folder / "new.csv").write_text("file\nn0.npy\nn1.npy\n")
        unlabelled, merged = self.folder / "new.h5", self.folder / "all.h5"
        self.succeed(["dejavid_convert", "npy", "--manifest", self.folder / "new.csv", "--out", unlabelled])
        query = "s01_e01"

        def align(name, given, ranks=None):
            words = [PROGRAM, "align", *given, "--query", query, "--with", "n0.npy,n1.npy", "--out", self.folder / name]
            self.said = self.succeed([str(word) for word in words], ranks)
            return {path.name: path.read_bytes() for path in (self.folder / name).iterdir()}

        by_model = ["--model.init", self.model, "--data.store", self.store, unlabelled]
        files = align("carried", by_model)
        self.assertNotIn("nothing to carry over", self.said.stderr)
        self.assertEqual(align("ranks", by_model, 2), files)
        self.assertEqual(align("turned", [*by_model[:3], unlabelled, self.store]), files)
        others = {one["other"]: one for one in json.loads(files["transfer.json"])["others"]}
        self.assertEqual({name: len(one["labels"]) for name, one in others.items()}, {f"n{n}.npy": len(new[n]) for n in range(2)})
        self.assertEqual({one["judged_frames"] for one in others.values()}, {0})
        self.assertEqual(set().union(*(one["labels"] for one in others.values())), {0, 1, 2})
        phases = list(csv.DictReader(files["phases.csv"].decode().splitlines()))
        self.assertEqual({line["id"] for line in phases}, {query, "n0.npy", "n1.npy"})
        self.assertEqual({line["phase"] for line in phases}, {"reach", "lift", "put"})

        self.said = self.succeed(["dejavid_convert", "merge", self.store, unlabelled, "--out", merged])
        self.assertIn("new.h5: has no /frame_labels; its frames get -1, no phase", self.said.stderr)
        self.said = self.succeed(["dejavid_convert", "labels", "--store", merged, "--labels", self.folder / "carried" / "phases.csv"])
        self.assertIn("samples: phases of 3 replaced, of 8 kept", self.said.stdout)
        arrays = support.read_arrays(merged)
        found = np.split(arrays["frame_labels"], arrays["offsets"][1:-1])
        for expected, labels in zip([*self.videos.frame_labels, others["n0.npy"]["labels"], others["n1.npy"]["labels"]], found, strict=True):
            np.testing.assert_array_equal(labels, expected)
        embedded = support.read_arrays(self.embed("embedded", self.model, merged))
        np.testing.assert_array_equal(embedded["frame_labels"], arrays["frame_labels"])
        out = self.folder / "both.h5"
        self.succeed([PROGRAM, "embed", *map(str, by_model), "--out", out])
        both = support.read_arrays(out)
        np.testing.assert_array_equal(both["features"], embedded["features"])
        self.assertEqual(both["labels"][-2:].tolist(), [-1, -1])
        np.testing.assert_array_equal(both["frame_labels"], np.concatenate([*self.videos.frame_labels, *([-1] * len(sample) for sample in new)]))

        # the same of stored rows, without a model: those of embed, then the features
        self.assertEqual(align("stored", ["--embeddings", out]), files)
        path, _ = self.path_of(align("features", ["--embeddings", merged])["align-n0.npy.csv"])
        distances = np.linalg.norm(self.videos.samples[0].astype(float)[:, None] - new[0].astype(float)[None], axis=-1)
        self.assertEqual(path, hard_path(distances))

        query = "n0.npy"
        words = [PROGRAM, "align", *map(str, by_model), "--query", query, "--with", "A", "--out", self.folder / "back"]
        self.said = self.succeed(words)
        self.assertIn("n0.npy has no phases, so there is nothing to carry over", self.said.stderr)
        self.assertFalse((self.folder / "back" / "phases.csv").exists())

    def test_stored_rows_or_a_model(self):
        given = [PROGRAM, "align", "--embeddings", self.store, "--query", "s01_e01"]
        self.refuse([*given, *options(model__init=self.model)], 2, "--embeddings", "model.init")
        self.refuse([*given, *options(data__store=self.store)], 2, "--embeddings", "data.store", ranks=(None,))
        self.refuse([PROGRAM, "align", *options(data__store=self.store), "--query", "s01_e01"], 2, "model.init", ranks=(None,))
        self.refuse([PROGRAM, "embed", *options(model__init=self.model, data__store=self.store), "--embeddings", self.store, "--out", "e.h5"], 2, "--embeddings", ranks=(None,))

    def test_the_only_video_of_its_action(self):
        self.videos.labels[0], self.videos.classes = 1, 2
        lrprop_support.write_store(self.store, self.videos)
        self.refuse(self.arguments("s01_e01"), 2, "--with", "no other video")
        self.assertEqual(len(self.align("named", "s01_e01", "--with", "A")), 6)

    def test_a_folder_that_cannot_be(self):
        (self.folder / "file").write_text("")
        self.refuse(self.arguments("s01_e01", "--out", "file/below"), 13, "file/below")
        self.refuse(self.arguments("s01_e01", "--out", "file"), 13, "file")


if __name__ == "__main__":
    unittest.main()
