"""Settings that two parties may hold differently, models on new videos, runs that go on, and what eval compares with."""

import dataclasses
import json
import shutil
import unittest

import h5py
import numpy as np

import independent
import support
from support import options, run

STEPS = 3
QUICK = dict(model__steps=STEPS, train__epochs=3, train__batch_size=8, train__lr=0.05)


def rename_classes(path, names, labels=None):
    """Gives a store's classes these names, and its samples other labels."""
    with h5py.File(path, "r+") as store:
        del store["class_names"]
        store["class_names"] = support.fixed_length(names)
        store.attrs["num_classes"] = len(names)
        if labels is not None:
            store["labels"][:] = labels
    return path


class SettingsTest(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.set = support.make_set(50, classes=4, per_class=5, validation_per_class=3)
        self.store = support.write_store(self.folder / "set.h5", self.set)

    def evaluate(self, model, store=None, **settings):
        arguments = options(model__init=model, data__store=store or self.store, **settings)
        self.finished = self.succeed(["dejavid_dist", "eval", *arguments, "--json", "e.json"])
        return json.loads((self.folder / "e.json").read_text())

    def refuse(self, code, words, command, **settings):
        arguments = options(**{"data__store": self.store, "run__progress": "off", **settings})
        finished = run(["dejavid_dist", command, *arguments], cwd=self.folder)
        self.assert_refused(finished, code, words)

    def assert_refused(self, finished, code, words):
        self.assertEqual(finished.code, code, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in words:
            self.assertIn(word, finished.errors[0])


class ModelsAndTheirSettings(SettingsTest):
    def test_a_model_brings_its_own(self):
        trained = self.train("run", self.store, train__logit_norm="none", model__diagonal=True, **QUICK)
        told = support.read_metrics(trained, "epoch")[-1]
        model = trained / "model.h5"
        for settings in ({}, dict(model__diagonal=True, model__steps=STEPS, train__logit_norm="none")):
            found = self.evaluate(model, **settings)
            self.assert_relative([found["loss"], found["top1"]], [told["val_loss"], told["val_top1"]], 1e-9, "numbers")
        for command in ("eval", "train"):
            for key, value, words in (
                ("train__logit_norm", "layernorm", ['train.logit_norm = "none"', '"layernorm"']),
                ("model__diagonal", False, ["model.diagonal = true", "false"]),
                ("model__steps", 7, ["model.steps = 3", "expected 7"]),
            ):
                with self.subTest(command=command, key=key):
                    self.refuse(11, ["model.h5", *words], command, model__init=model, **{key: value})
        (self.folder / "c.toml").write_text("[model]\nsteps = 7\n")  # a file gives keys as well
        finished = run(["dejavid_dist", "eval", "--config", "c.toml", *options(model__init=model, data__store=self.store)], cwd=self.folder)
        self.assert_refused(finished, 11, ["model.steps = 3", "7"])

        config = (self.train("on", self.store, model__init=model, train__epochs=1) / "config.toml").read_text()
        for line in ('logit_norm = "none"', "diagonal = true", "steps = 3"):
            self.assertIn(line, config)

    def test_centroids_leave_open_how_they_are_trained(self):
        self.succeed(["dejavid_dist", "centroids", *options(data__store=self.store, model__steps=STEPS), "--out", "c.h5"])
        settings = dict(model__init=self.folder / "c.h5", train__epochs=1)
        config = self.train("run", self.store, model__diagonal=True, train__logit_norm="none", **settings) / "config.toml"
        self.assertIn("diagonal = true", config.read_text())
        self.refuse(11, ["model.steps = 3", "5"], "train", model__steps=5, **settings)

    def test_two_classes(self):
        """By hand or by `centroids`: nothing says how they were trained, and normalised logits would say nothing."""
        store = support.write_store(self.folder / "two.h5", support.make_set(5, classes=2))
        self.succeed(["dejavid_dist", "centroids", *options(data__store=store, model__steps=STEPS), "--out", "c.h5"])
        found = self.evaluate("c.h5", store)
        self.assertEqual(found["loss"], self.evaluate("c.h5", store, train__logit_norm="none")["loss"])
        self.evaluate("c.h5", store)
        self.assertIn("two classes", self.finished.stderr)
        self.refuse(2, ["train.logit_norm", "2 classes"], "eval", model__init="c.h5", data__store=store, train__logit_norm="layernorm")

    def test_a_configuration_that_this_version_does_not_know(self):
        model = support.write_model(self.folder / "new.h5", np.zeros((4, STEPS, 7)))
        with h5py.File(model, "r+") as file:
            file.attrs["config"] = "[train]\nfuture = 3\n"
        self.refuse(11, ["new.h5", "future"], "eval", model__init=model)


class RanksAndTheirSettings(SettingsTest):
    def unlike(self, *parts):
        trains = dict(run__dir=self.folder / "run", **QUICK)
        arguments = [
            (1, ["dejavid_dist", *command, *options(data__store=self.store, **(trains if command[0] == "train" else {}) | settings)])
            for command, settings in parts
        ]
        finished = support.finish(support.start_unlike(arguments, cwd=self.folder))
        self.assertFalse((self.folder / "run").exists())
        return finished

    def test_every_difference_is_named(self):
        finished = self.unlike(
            (["train"], {}), (["train"], dict(train__lr=0.5, eval__split="train")), (["train"], dict(model__init="other.h5"))
        )
        self.assert_refused(
            finished,
            2,
            [
                "train.lr = 0.05 on ranks 0, 2", "train.lr = 0.5 on rank 1",
                'eval.split = "auto" on ranks 0, 2', 'eval.split = "train" on rank 1',
                'model.init = "" on ranks 0, 1', 'model.init = "other.h5" on rank 2',
            ],
        )  # fmt: skip

    def test_other_work_and_other_files(self):
        self.assert_refused(self.unlike((["train"], {}), (["centroids", "--out", "c.h5"], {})), 2, ["subcommand = train on rank 0"])
        (self.folder / "one.toml").write_text("[train]\nepochs = 3\nseed = 1\n")
        (self.folder / "two.toml").write_text("[train]\nepochs = 3\nseed = 2\n")
        finished = self.unlike((["train", "--config", "one.toml"], {}), (["train", "--config", "two.toml"], {}))
        self.assert_refused(finished, 2, ["train.seed = 1 on rank 0", "train.seed = 2 on rank 1"])

    def test_a_mistake_on_one_rank_is_told_by_that_rank(self):
        finished = self.unlike((["train"], {}), (["train", "--train.epohs", "3"], {}))
        self.assert_refused(finished, 2, ["train.epohs", "(rank 1 on "])


class RunsThatGoOn(SettingsTest):
    def setUp(self):
        super().setUp()
        self.settings = dict(**QUICK, run__checkpoint_keep=50, run__checkpoint_every_steps=2)
        self.straight = self.train("straight", self.store, **self.settings)
        self.summary = json.loads((self.straight / "summary.json").read_text())

    def resume(self, code, words=(), run_dir=None, **settings):
        arguments = options(data__store=self.store, run__dir=run_dir or self.straight, run__progress="off", **{**self.settings, "run__resume": "auto", **settings})
        finished = run(["dejavid_dist", "train", *arguments], cwd=self.folder)
        if code:
            self.assert_refused(finished, code, words)
        self.assertEqual(finished.code, code, finished)
        return finished

    def assert_same_story(self, run_dir):
        clocks = {"wall_seconds", "phase_seconds_of_rank_0"}
        found = json.loads((run_dir / "summary.json").read_text())
        plain = lambda summary: {key: value for key, value in summary.items() if key not in clocks}
        self.assertEqual(plain(found), plain(self.summary))
        for event in ("step", "epoch"):
            records = [support.read_told(one, event) for one in (run_dir, self.straight)]
            self.assertEqual(*records)
        for name in ("model.h5", "best.h5"):
            for arrays in zip(*(support.read_arrays(one / name).values() for one in (run_dir, self.straight)), strict=True):
                np.testing.assert_array_equal(*arrays)

    def test_a_folder_with_another_run_is_refused(self):
        other = self.folder / "other"
        self.resume(0, run_dir=other, run__resume="none")
        kept = (other / "metrics.jsonl").read_bytes()
        checkpoint = sorted((self.straight / "checkpoints").iterdir())[0]
        self.resume(13, ["other/metrics.jsonl: found a run already", "run.resume"], run_dir=other, run__resume=checkpoint)
        self.assertEqual((other / "metrics.jsonl").read_bytes(), kept)

    def test_no_epochs_at_all_are_validated_with_either_paths(self):
        for paths in ("current", "frozen"):
            with self.subTest(paths=paths):
                folder = self.folder / f"none_{paths}"
                self.resume(0, run_dir=folder, train__epochs=0, eval__paths=paths)
                summary = json.loads((folder / "summary.json").read_text())
                self.assertGreater(summary["last"]["val_top1"], 0)

    def test_everything_told_is_as_of_an_unbroken_run(self):
        """From within an epoch, from its end and from the end of all; in another folder and in its own."""
        checkpoints = sorted((self.straight / "checkpoints").iterdir())
        best = self.summary["best"]["epoch"]
        self.assertEqual(self.summary["steps"], 9)
        for file in checkpoints[2:]:
            with self.subTest(checkpoint=file.name):
                folder = self.folder / file.stem
                finished = self.resume(0, run_dir=folder, run__resume=file)
                if (folder / "best.h5").exists():
                    self.assert_same_story(folder)
                else:  # the best of then has been replaced since
                    self.assertIn("goes on without its best model", finished.stderr)
                    self.assertNotEqual(int(h5py.File(file)["training"].attrs["best_epoch"]), best)
        spent = self.summary["phase_seconds_of_rank_0"]["paths"]
        self.resume(0)  # finished already
        self.assert_same_story(self.straight)
        self.assertGreaterEqual(json.loads((self.straight / "summary.json").read_text())["phase_seconds_of_rank_0"]["paths"], spent)

    def test_a_best_model_that_is_not_the_checkpoints_is_missed(self):
        """The last epoch's is another, as no epoch is better than the first."""
        still = self.train("still", self.store, **{**self.settings, "train__lr": 1e-30})
        self.assertEqual(json.loads((still / "summary.json").read_text())["best"]["epoch"], 0)
        for name, change in (
            ("none", lambda best: best.unlink()),
            ("empty", lambda best: best.write_bytes(b"")),
            ("foreign", lambda best: shutil.copy(best.parent / "model.h5", best)),
        ):
            with self.subTest(best=name):
                folder = self.folder / name
                shutil.copytree(still, folder)
                change(folder / "best.h5")
                finished = self.resume(0, run_dir=folder, train__lr=1e-30)
                self.assertIn("goes on without its best model so far", finished.stderr)
                self.assertNotIn("best.h5 of the best", finished.stderr)
                self.assertNotIn("best", json.loads((folder / "summary.json").read_text()))
        folder = self.folder / "to_come"  # which the checkpoint cannot tell from one that it has yet to come by
        shutil.copytree(still, folder)
        known = [file for file in sorted((folder / "checkpoints").iterdir()) if h5py.File(file)["training"].attrs["best_epoch"] == 0]
        for file in known[1:]:
            file.unlink()
        shutil.copy(folder / "model.h5", folder / "best.h5")
        self.assertNotIn("best.h5 of the best", self.resume(0, run_dir=folder, train__lr=1e-30).stderr)

    def test_what_the_run_began_with_is_kept(self):
        for key, value, words in (
            ("eval__paths", "frozen", ['eval.paths = "current"', '"frozen"']),
            ("eval__split", "train", ['eval.split = "auto"', '"train"']),
            ("centroids__iterations", 5, ["centroids.iterations = 100", "5"]),
            ("model__diagonal", True, ["model.diagonal = false", "true"]),
        ):
            with self.subTest(key):
                self.resume(11, words, **{key: value})
        self.resume(0, eval__split="val")  # what auto meant
        self.assertIn("is not read", self.resume(0, model__init="gone.h5").stderr)
        self.assertIn('init = ""', (self.straight / "config.toml").read_text())

    def test_more_epochs(self):
        """The refusal names the way, and the way works."""
        finished = self.resume(11, ["train.epochs = 3", "expected 6", f"--model.init {self.straight}/model.h5"], train__epochs=6)
        start = finished.errors[0].split("--model.init ")[1].split()[0]
        more = self.train("more", self.store, model__init=start, train__epochs=1)
        self.assertTrue((more / "model.h5").exists())

    def test_two_runs_of_one_second(self):
        arguments = ["dejavid_dist", "train", *options(data__store=self.store, run__progress="off", **QUICK)]
        jobs = [support.start(arguments, cwd=self.folder) for _ in range(3)]
        self.assertEqual([support.finish(job).code for job in jobs], [0, 0, 0])
        folders = list((self.folder / "runs").iterdir())
        self.assertEqual([(folder / "model.h5").exists() for folder in folders], [True] * 3)


class NewVideos(SettingsTest):
    def setUp(self):
        super().setUp()
        self.parameters = np.random.default_rng(1).normal(size=(4, STEPS, 7))
        self.model = support.write_model(self.folder / "model.h5", self.parameters)
        self.known = self.predict(self.model, self.store)

    def test_classes_are_matched_by_name(self):
        names = ["class 2", "class 0", "class 3", "class 1"]
        store = support.write_store(self.folder / "other.h5", self.set)
        rename_classes(store, names, [names.index(f"class {label}") for label in self.set.labels])
        self.assertEqual(self.predict(self.model, store), self.known)
        found, expected = self.evaluate(self.model, store), self.evaluate(self.model)
        self.assertEqual(found, expected)
        self.assertEqual(self.known[0]["label_name"], f"class {self.known[0]['label']}")
        self.assertEqual(self.known[0]["prediction_name"], f"class {self.known[0]['prediction']}")
        # training from it puts the model's classes in the store's order: no epoch is trained, so they are what they were
        run_dir = self.train("turned", store, model__init=self.model, train__epochs=0)
        with h5py.File(run_dir / "model.h5") as turned:
            np.testing.assert_array_equal(turned["centroids"][0], self.parameters[2].astype("f4"))
        self.assertEqual([row["prediction_name"] for row in self.predict(run_dir / "model.h5", self.store)], [row["prediction_name"] for row in self.known])

    def test_some_classes_new_classes_and_none(self):
        """Two stores as one: one with a part of the classes and one that the model does not know, the other without any."""
        part = support.write_store(self.folder / "part.h5", self.set)
        rename_classes(part, ['dance, "fast"', "class 1"], self.set.labels % 2)
        new = support.write_store(self.folder / "new.h5", self.set, first_id=100)
        with h5py.File(new, "r+") as store:
            store["labels"][:] = -1
            store.attrs.update(num_classes=0, unlabelled=1)
            del store["class_names"]
        out = self.folder / "p.csv"
        finished = self.succeed(["dejavid_dist", "predict", *options(model__init=self.model), "--data.store", part, new, "--out", out], 2)
        self.assertIn('does not know 1 of the store\'s 2 classes: dance, "fast"', finished.stderr)
        rows = support.read_predictions(out)
        self.assertEqual([row["prediction"] for row in rows], [row["prediction"] for row in self.known] * 2)
        self.assertEqual([row["confidence"] for row in rows], [row["confidence"] for row in self.known] * 2)
        labels = [("", 'dance, "fast"'), ("1", "class 1")]
        self.assertEqual([(row["label"], row["label_name"]) for row in rows], labels * 6 + [("", "")] * 12)
        self.assertEqual(rows[0]["top5_names"].split(";"), [f"class {c}" for c in rows[0]["top5"].split()])

        found = self.evaluate(self.model, part)
        self.assertEqual((found["samples"], found["left_out"]), (6, {"unlabelled": 0, "unknown_classes": {'dance, "fast"': 6}}))
        right = [row["prediction"] == "1" for row in rows[1:12:2]]
        self.assertEqual(found["top1"], sum(right) / 6)
        self.assertIn("left out of all numbers: 6 of classes that the model does not know", self.finished.stdout)
        self.refuse(10, ["12 without a label", "predict"], "eval", model__init=self.model, data__store=new)
        self.refuse(10, ["new.h5", "0 class"], "train", data__store=new)

    def test_validation_samples_without_a_label(self):
        with h5py.File(self.store, "r+") as store:
            store["labels"][-2:] = -1
            store.attrs["unlabelled"] = 1
        run_dir = self.train("run", self.store, **QUICK)
        self.assertIn("2 of 12 val samples", (run_dir / "logs" / "rank0.log").read_text())
        found = self.evaluate(run_dir / "model.h5")
        self.assertEqual((found["samples"], found["left_out"]["unlabelled"]), (10, 2))
        self.assertEqual(found["loss"], support.read_metrics(run_dir, "epoch")[-1]["val_loss"])

    def test_no_validation_sample_with_a_label(self):
        with h5py.File(self.store, "r+") as store:
            store["labels"][np.flatnonzero(store["split"][()] == support.VALIDATION)] = -1
            store.attrs["unlabelled"] = 1
        words = ["set.h5:labels: found no val samples that can be right or wrong: 12 without a label", "predict", "another eval.split"]
        self.refuse(10, words, "eval", model__init=self.model, data__store=self.store)


class Baselines(SettingsTest):
    def setUp(self):
        super().setUp()
        self.model = support.write_model(self.folder / "model.h5", np.random.default_rng(1).normal(size=(4, STEPS, 7)))

    def test_logits_where_the_store_says_so(self):
        with h5py.File(self.store, "r+") as store:
            store.attrs["logits"] = 4
        samples, labels = self.set.of(support.VALIDATION)
        found = self.evaluate(self.model)
        self.assertEqual(found["supersampling_top1"], np.mean(independent.supersampling(samples, 4) == labels))
        self.assertNotIn("class_means_top1", found)
        self.assertIn("the encoder's logits", self.finished.stdout)
        # logits stand in the order of the store's classes, whatever the model's
        names = ["class 2", "class 0", "class 3", "class 1"]
        rename_classes(self.store, names)
        expected = np.mean(independent.supersampling(samples, 4) == labels)
        self.assertEqual(self.evaluate(self.model)["supersampling_top1"], expected)
        with h5py.File(self.store, "r+") as store:
            store.attrs["logits"] = 3
        self.refuse(10, ["logits", "3", "4"], "eval", model__init=self.model)

    def test_logits_of_several_windows_a_step(self):
        samples = [np.concatenate([sample, sample[:, :1]], axis=1) for sample in self.set.samples]  # [T,8]: two sets of four
        wide = dataclasses.replace(self.set, samples=samples)
        store = support.write_store(self.folder / "wide.h5", wide)
        with h5py.File(store, "r+") as file:
            file.attrs["logits"] = 8
        model = support.write_model(self.folder / "wide_model.h5", np.random.default_rng(1).normal(size=(4, STEPS, 8)))
        chosen, labels = wide.of(support.VALIDATION)
        means = [sample.mean(axis=0).reshape(2, 4).mean(axis=0) for sample in chosen]
        expected = np.mean(np.argmax(means, axis=1) == labels)
        self.assertNotEqual(expected, np.mean(independent.supersampling(chosen, 4) == labels))
        self.assertEqual(self.evaluate(model, store)["supersampling_top1"], expected)

    def test_class_means_where_it_does_not(self):
        samples, labels = self.set.of(support.VALIDATION)
        training, known = self.set.of(support.TRAIN)
        averaged = np.array([sample.astype(float).mean(axis=0) for sample in training])
        means = np.array([averaged[known == c].mean(axis=0) for c in range(4)])
        nearest = [np.argmin(((sample.astype(float).mean(axis=0) - means) ** 2).sum(axis=1)) for sample in samples]
        for ranks in (1, 3):
            arguments = options(model__init=self.model, data__store=self.store)
            finished = self.succeed(["dejavid_dist", "eval", *arguments, "--json", "b.json"], ranks)
            found = json.loads((self.folder / "b.json").read_text())
            self.assertEqual(found["class_means_top1"], np.mean(nearest == labels))
            self.assertNotIn("supersampling_top1", found)
            self.assertIn("nearest class mean of 20 training samples", finished.stdout)

    def test_nothing_to_compare_with(self):
        self.set.splits[:] = support.TEST
        support.write_store(self.store, self.set)
        found = self.evaluate(self.model)
        self.assertFalse({"class_means_top1", "supersampling_top1"} & set(found))
        self.assertIn("nothing to compare with", self.finished.stdout)


if __name__ == "__main__":
    unittest.main()
