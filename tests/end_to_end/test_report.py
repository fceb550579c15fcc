"""dejavid_dist report: every number against eval --json and the independent implementation, what the page loads, refusals."""

import dataclasses
import json
import re
import shutil
import unittest

import h5py
import numpy as np

import independent
import support
from report_page import ReportPage
from support import ProgramTest, options, run


class Report(ProgramTest):
    def setUp(self):
        super().setUp()
        self.set = support.make_set(seed=3, classes=6, features=6, per_class=5, validation_per_class=6, noise=6.0)
        self.store = support.write_store(self.folder / "set.h5", self.set)

    def train_small(self, name="run", **settings):
        return self.train(name, self.store, train__epochs=3, train__batch_size=8, model__steps=5, **settings)

    def report(self, run_dir, *words, ranks=None, out="report.html", **settings):
        self.succeed(["dejavid_dist", "report", *options(run__dir=run_dir, **settings), "--out", self.folder / out, *words], ranks)
        text = (self.folder / out).read_text()
        return text, ReportPage(text)

    def evaluation(self, model, **settings):
        out = self.folder / "eval.json"
        self.succeed(["dejavid_dist", "eval", *options(model__init=model, data__store=self.store, **settings), "--json", out])
        return json.loads(out.read_text())

    def test_numbers_are_those_of_eval(self):
        run_dir = self.train_small()
        text, page = self.report(run_dir, data__store=self.store)
        expected = self.evaluation(run_dir / "model.h5")
        for name, key in (("top-1", "top1"), ("top-5", "top5"), ("loss", "loss"), ("averaging over time", "class_means_top1")):
            self.assertEqual(page.tiles[name], expected[key])
        paths = expected["right_paths"]
        for name, key in (("half of the steps on one", "half_on_one_step"), ("most steps on one", "largest_share_on_one_step"), ("samples", "samples")):
            self.assertEqual(page.tiles[name], paths[key])

        rows = page.tables["Accuracy of each class"][0][1:]
        self.assertEqual(len(rows), 6)
        accuracies = [row[1][1][0] for row in rows]
        self.assertEqual(accuracies, sorted(accuracies))
        per_class = {each["class"]: each for each in expected["per_class"]}
        confusion = {name: dict(zip(per_class, counts)) for name, counts in zip(per_class, expected["confusion"])}
        for (name, _), (_, [accuracy]), (_, counts), (rival, times) in rows:
            self.assertEqual(accuracy, per_class[name]["accuracy"])
            self.assertEqual(counts, [confusion[name][name], per_class[name]["samples"]])
            errors = {other: count for other, count in confusion[name].items() if other != name and count}
            self.assertEqual(times, [max(errors.values())] if errors else [])
            if errors:
                self.assertEqual(errors[rival.rpartition(" (")[0]], times[0])

        pairs = {(a, b): count for a, row in confusion.items() for b, count in row.items() if a != b and count}
        self.assertGreater(len(pairs), 3)
        listed = [row for table in page.tables["Most frequent errors"] for row in table[1:]]
        self.assertEqual({(row[0][0], row[1][0]): row[2][1][0] for row in listed}, pairs)
        counts = [row[2][1][0] for row in listed]
        self.assertEqual(counts, sorted(counts, reverse=True))
        cells = {tuple(each.split(" taken for ")): each for each in re.findall(r"<title>([^<]* taken for [^<]*): \d+</title>", text)}
        self.assertEqual(set(cells), set(pairs))

    def test_epochs_are_those_of_the_metrics(self):
        run_dir = self.train_small()
        _, page = self.report(run_dir)
        header, *rows = page.tables["Numbers of the epochs"][0]
        keys = ["train_loss", "val_loss", "train_top1", "val_top1", "val_top5"]
        self.assertEqual(len(header), 1 + len(keys))
        for row, record in zip(rows, support.read_metrics(run_dir, "epoch"), strict=True):
            self.assertEqual([cell[1][0] for cell in row], [record["epoch"] + 1, *(record[key] for key in keys)])

    def test_top5_of_five_classes_is_left_out(self):
        for classes, told in ((5, False), (6, True)):
            self.set = support.make_set(seed=3, classes=classes, features=6, per_class=5, validation_per_class=6, noise=6.0)
            self.store = support.write_store(self.folder / f"{classes}.h5", self.set)
            run_dir = self.train_small(f"run{classes}")
            for settings in ({}, {"data__store": self.store}):
                _, page = self.report(run_dir, **settings)
                header, *_ = page.tables["Numbers of the epochs"][0]
                self.assertEqual("Accuracy, validation top-5" in [name for name, _ in header], told)
                self.assertEqual("top-5" in page.tiles, told and bool(settings))

    def test_of_one_epoch_there_are_numbers_and_no_lines(self):
        text, page = self.report(self.train("one", self.store, train__epochs=1, train__batch_size=8, model__steps=5))
        self.assertEqual(len(page.tables["Numbers of the epochs"][0]), 2)
        self.assertEqual(text.count('aria-label="Loss of each step'), 1)
        self.assertEqual(text.count('aria-label="Loss by epoch'), 0)

    def test_the_hardest_samples_and_their_features(self):
        run_dir = self.train_small()
        names = self.folder / "names.txt"
        names.write_text("".join(f"joint <{f}>\n" for f in range(6)))
        text, page = self.report(run_dir, "--feature-names", names, data__store=self.store)
        arrays = support.read_arrays(run_dir / "model.h5")
        centroids, log_weights = arrays["centroids"].astype(np.float64), arrays["log_weights"].astype(np.float64)
        samples, labels = self.set.of(support.VALIDATION)
        padded, lengths = independent.pad(samples)
        weights = np.exp(log_weights)
        on_path = independent.paths(centroids, log_weights, padded, lengths, False)  # [N,C,K,T]
        distances = (independent.costs(centroids, weights, padded) * on_path).sum(axis=(2, 3))
        own = distances[np.arange(len(labels)), labels]
        others = np.where(np.arange(6) == labels[:, None], np.inf, distances)
        ratios = own / others.min(axis=1)
        hardest = np.argsort(-ratios, kind="stable")[:6]
        self.assertGreater(ratios[hardest[0]], 1)
        found = re.findall(r"The first is <data value=\"([^\"]+)\">", text)
        self.assert_relative([float(value) for value in found], ratios[hardest], 1e-5, "ratios")
        headings = re.findall(r"<h3>(sample_\d+): ", text)
        self.assertEqual(headings, [f"sample_{30 + n}" for n in hardest])

        tables = [table for caption, all_of_it in page.tables.items() if caption.startswith("Features that speak most") for table in all_of_it]
        self.assertEqual(len(tables), 6)
        by_rival = {}
        for n in hardest:
            rival = int(others[n].argmin())
            steps = np.abs(centroids[:, :, None, :] - padded[n][None, None]) * weights[:, :, None, :]  # [C,K,T,F]
            costs = (steps * on_path[n][..., None]).sum(axis=(1, 2))  # [C,F]
            by_rival.setdefault(f"Features that speak most for class {rival}", []).append((costs[labels[n]], costs[rival]))
        for caption, expected in by_rival.items():
            for (_, *rows), (of_own, of_rival) in zip(page.tables[caption], expected, strict=True):
                order = np.argsort(of_rival - of_own, kind="stable")[:5]
                self.assertEqual([row[0][0] for row in rows], [f"joint <{f}>" for f in order])
                self.assert_relative([row[1][1][0] for row in rows], of_own[order], 1e-9, "costs of features")
                self.assert_relative([row[2][1][0] for row in rows], of_rival[order], 1e-9, "costs of features")

    def test_which_model_it_is_about(self):
        self.set.splits[30:48:2] = support.TEST
        self.store = support.write_store(self.folder / "set.h5", self.set)
        run_dir = self.train_small()
        for settings, model, words in (
            ({}, "model.h5", "best.h5 was chosen by the val split"),
            ({"eval__split": "val"}, "model.h5", "best.h5 was chosen by the val split"),
            ({"eval__split": "test"}, "best.h5", "which the val split chose and not these samples"),
            ({"eval__split": "test", "model__init": run_dir / "model.h5"}, "model.h5", "which model.init names"),
        ):
            text, page = self.report(run_dir, data__store=self.store, **settings)
            self.assertIn(f"This is about {model}", text)
            self.assertIn(words, text)
            settings.pop("model__init", None)
            self.assertEqual(page.tiles["loss"], self.evaluation(run_dir / model, **settings)["loss"])

    def test_the_page_stands_alone_and_is_the_same_again(self):
        run_dir = self.train_small()
        texts = {}
        for ranks in (None, None, 2, 3):
            text, page = self.report(run_dir, data__store=self.store, ranks=ranks)
            texts.setdefault(ranks, text)
            self.assertEqual(text, texts[ranks])
            # Sums over ranks may differ in their last bits.
            self.assertEqual(re.sub(r"value=\"[^\"]*\"", "", text), re.sub(r"value=\"[^\"]*\"", "", texts[None]))
        self.assertNotIn("script", page.tags)
        self.assertNotIn("http:", text)
        self.assertNotIn("https:", text)
        self.assertIn("default-src 'none'; img-src data:; style-src 'unsafe-inline'", text)
        for tag, attributes in page.attributes:
            for name in ("src", "href"):
                if name in attributes:
                    self.assertTrue(attributes[name].startswith("data:image/png;base64,"), tag)
            self.assertFalse([name for name in attributes if name.startswith("on")], tag)

    def test_without_a_store_and_without_a_model(self):
        run_dir = self.train_small()
        text, page = self.report(run_dir)
        self.assertIn("Weights and centroids", text)
        self.assertEqual(page.tags.count("img"), 12)
        self.assertEqual(page.tiles, {})
        (run_dir / "model.h5").unlink()
        with open(run_dir / "metrics.jsonl", "a") as metrics:
            metrics.write('{"event":"st')  # being written
        text, page = self.report(run_dir)
        self.assertNotIn("img", page.tags)
        self.assertIn("Loss of each step", text)
        self.succeed(["dejavid_dist", "report", "--run.dir", run_dir])
        self.assertEqual((run_dir / "report.html").read_text(), text)

    def test_the_encoder_and_its_logits_are_named(self):
        self.store = support.write_store(self.folder / "set.h5", self.set, encoder="net <2>")
        run_dir = self.train_small(data__slope="true")
        text, _ = self.report(run_dir)
        self.assertIn("It learned from features of the encoder net &lt;2&gt;.", text)
        self.assertNotIn("logit of", text)
        # of the same features in another file: the classes' order is the model's, that of the logits the file's
        other = support.write_store(self.folder / "other.h5", self.set, encoder="another")
        names = [f"class {c}" for c in (5, 4, 3, 2, 1, 0)]
        with h5py.File(other, "r+") as store:
            del store["class_names"]
            store["class_names"] = support.fixed_length(names)
            store["labels"][:] = 5 - self.set.labels
            store.attrs["logits"] = 6
        text, page = self.report(run_dir, data__store=other)
        self.assertIn("It learned from features of the encoder net &lt;2&gt;. The features that it was tried on are of the encoder another.", text)
        found = {row[0][0] for caption, all_of_it in page.tables.items() if caption.startswith("Features that speak most") for table in all_of_it for row in table[1:]}
        expected = {f"{slope}feature {f}: logit of {names[f]}" for slope in ("", "slope of ") for f in range(6)}
        self.assertGreater(len(found), 3)
        self.assertLessEqual(found, expected)
        series = support.write_store(self.folder / "series.h5", self.set, encoder="none: raw series")
        self.assertIn("What it was tried on are raw series, which no encoder made.", self.report(run_dir, data__store=series)[0])
        self.store = series
        self.assertIn("It learned from raw series, which no encoder made.", self.report(self.train_small("of_series"))[0])
        # two windows a step
        wide = dataclasses.replace(self.set, samples=[np.repeat(sample, 2, axis=1) for sample in self.set.samples])
        model = support.write_model(self.folder / "wide.h5", np.random.default_rng(1).normal(size=(6, 5, 12)))
        windows = support.write_store(self.folder / "windows.h5", wide)
        with h5py.File(windows, "r+") as store:
            store.attrs["logits"] = 12
        text, _ = self.report(run_dir, model__init=model, data__store=windows)
        named = set(re.findall(r"feature (\d+): logit of class (\d) in window (\d) of 2", text))
        self.assertGreater(len(named), 3)
        self.assertLessEqual(named, {(str(f), str(f % 6), str(f // 6 + 1)) for f in range(12)})
        # of two files that do not agree none is known
        both = f"{other} {support.write_store(self.folder / 'third.h5', self.set, first_id=1000)}"
        text, _ = self.report(run_dir, "--data.store", *both.split())
        self.assertNotIn("logit of", text)

    def test_names_of_any_content(self):
        with h5py.File(self.store, "r+") as store:
            del store["class_names"], store["ids"]
            store["class_names"] = support.fixed_length([f"<script>{c}</script> & \"'" for c in range(6)])
            store["ids"] = support.fixed_length([f"</pre><b {n}" for n in range(len(self.set.samples))])
        run_dir = self.train_small()
        text, page = self.report(run_dir, data__store=self.store)
        self.assertFalse({"script", "b"} & set(page.tags))
        self.assertIn("&lt;script&gt;0&lt;/script&gt; &amp; &quot;&#39;", text)

    def test_the_largest_models_make_a_page_below_two_megabytes(self):
        """Kinetics-400's shape of noise, which no compression makes smaller; judged on few samples of all classes."""
        generator = np.random.default_rng(0)
        shape = (400, 8, 1808)
        run_dir = self.train_small()
        centroids = generator.normal(size=shape).astype(np.float32)
        support.write_model(run_dir / "model.h5", centroids, generator.normal(size=shape, scale=0.3))
        samples = [generator.normal(size=(12, 1808)).astype(np.float32) for _ in range(400)]
        splits = np.full(400, support.VALIDATION, dtype=np.uint8)
        store = support.write_store(self.folder / "k400.h5", support.TseSet(samples, np.arange(400, dtype=np.int32), splits, 400), digests=False)
        text, page = self.report(run_dir, data__store=store)
        self.assertLess(len(text), 2_000_000)
        self.assertGreater(len(text), 600_000)  # else the half of it is missing
        self.assertEqual(page.tags.count("img"), 800)
        self.assertEqual(page.tags.count("details"), 7)

    def test_refusals(self):
        run_dir = self.train_small()
        (self.folder / "names").write_text("a\nb\n")
        broken = self.folder / "broken"
        shutil.copytree(run_dir, broken)
        (broken / "metrics.jsonl").write_text("{}\n")
        unfinished = self.folder / "unfinished"
        shutil.copytree(run_dir, unfinished)
        (unfinished / "model.h5").unlink()
        words = ["dejavid_dist", "report"]
        for code, part, arguments in (
            (2, "run.dir: found no folder; expected the folder of the run to report", []),
            (2, "--feature-names: found it with eval", None),
            (10, "none/metrics.jsonl: found No such file or directory", ["--run.dir", "none"]),
            (10, "broken/metrics.jsonl:1: found a line that is not a metrics record", ["--run.dir", broken]),
            (10, "names: found 2 lines; expected a text file with the names of the store's 6 features", ["--run.dir", run_dir, "--feature-names", self.folder / "names"]),
            (10, "absent: found No such file", ["--run.dir", run_dir, "--feature-names", "absent"]),
            (None, "unfinished/model.h5: found no such file; expected the model of a run that is done", ["--run.dir", unfinished, "--data.store", self.store]),
            (13, "metrics.jsonl", ["--run.dir", run_dir, "--out", run_dir / "metrics.jsonl"]),
            (13, "model.h5", ["--run.dir", run_dir, "--out", run_dir / "model.h5"]),
        ):
            line = ["dejavid_dist", "eval", "--model.init", "a", "--data.store", "b", "--feature-names", "c"] if arguments is None else [*words, *arguments]
            finished = run(line, cwd=self.folder)
            self.assertNotEqual(finished.code, 0)
            if code is not None:
                self.assertEqual(finished.code, code, finished)
            self.assertEqual(len(finished.errors), 1, finished)
            self.assertIn(part, finished.errors[0])


if __name__ == "__main__":
    unittest.main()
