"""What is killed or asked to stop goes on to the weights of an unbroken run; other data or settings are refused."""

import dataclasses
import re
import signal
import tempfile
import time
import unittest
from pathlib import Path

import h5py
import lrprop_support
import numpy as np
import support
from lrprop_support import PROGRAM, options

FAULTY = "../tests/lrprop_dist_faulty"


class ResumingTest(lrprop_support.LrpropTest):
    """All runs of a test file are of one store, and one of them is unbroken."""

    SETTINGS = {
        **lrprop_support.LrpropTest.SETTINGS,
        "train__epochs": 6,
        "train__pairs_per_step": 2,
        "eval__every_epochs": 3,
        "eval__fractions": "1",
        "run__checkpoint_every_steps": 1,
        "run__checkpoint_keep": 3,
        "run__resume": "auto",
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix="dejavid-")
        cls.addClassCleanup(folder.cleanup)
        cls.videos = lrprop_support.make_videos(31, classes=2, per_class=4)
        cls.store = lrprop_support.write_store(Path(folder.name) / "set.h5", cls.videos)

    def run_it(self, name, ranks=2, fault=None, **settings):
        """A run in folder/name, which may end in any way."""
        arguments = self.arguments(self.store, self.folder / name, **settings)
        if fault is not None:
            arguments[0] = FAULTY
        environment = {} if fault is None else {"DEJAVID_FAULT": fault, "OMPI_MCA_odls_base_sigkill_timeout": "0"}
        return support.run(arguments, ranks, cwd=self.folder, environment=environment)

    def go_on(self, name, ranks=None, **settings):
        finished = self.run_it(name, ranks, **settings)
        self.assertEqual(finished.code, 0, finished)
        self.assert_sound(self.folder / name)
        return finished

    def assert_same_run(self, name, other="straight"):
        """Weights to the bit; what is recorded but for the order in which ranks' numbers are added."""
        found, expected = (lrprop_support.records(self.folder / each) for each in (name, other))
        self.assertEqual(len(found), len(expected))
        for one, another in zip(found, expected):
            self.assertEqual(list(one), list(another))
            for key, number in another.items():
                same = one[key] == number if not isinstance(number, float) else np.isclose(one[key], number, 1e-12, 0)
                self.assertTrue(same, (key, one, another))
        for file in ("model.h5", "best.h5"):
            found, expected = (support.read_arrays(self.folder / each / file) for each in (name, other))
            self.assertEqual(list(found), list(expected))
            for key, array in expected.items():
                np.testing.assert_array_equal(found[key], array, err_msg=key)
        found, expected = (lrprop_support.finite_json(self.folder / each / "evaluation.json") for each in (name, other))
        self.assertEqual(found, expected)


class Interrupted(ResumingTest):
    def test_killed_ranks(self):
        self.go_on("straight")
        for fault, before, after in (
            ("compute:1:1:kill", 2, 3),
            ("compute:0:5:kill", None, 2),
            ("checkpoint:2:6:kill", 3, None),
            ("epoch:0:8:segv", None, None),
        ):
            with self.subTest(fault=fault, before=before, after=after):
                name = fault.replace(":", "_")
                finished = self.run_it(name, before, fault=fault)
                self.assertNotEqual(finished.code, 0, finished)
                self.assertEqual(finished.stderr.count("fault: "), 1, finished)
                self.go_on(name, after)
                self.assert_same_run(name)

    def test_asked_to_stop(self):
        self.go_on("straight")
        for step, ranks in ((0, None), (5, 2), (6, 3)):
            with self.subTest(step=step):
                name = f"stopped_{step}"
                finished = self.run_it(name, ranks, fault=f"compute:0:{step}:term")
                self.assertEqual(finished.code, 75, finished)
                summary = lrprop_support.finite_json(self.folder / name / "summary.json")
                self.assertEqual((summary["exit_reason"], summary["exit_code"]), ("stopped", 75))
                checkpoints = sorted((self.folder / name / "checkpoints").iterdir())
                self.assertEqual(checkpoints[-1].name, f"step_{summary['steps']:08}.h5")
                self.assertFalse((self.folder / name / "model.h5").exists())
                self.go_on(name)
                self.assert_same_run(name)

    def test_a_signal_from_outside(self):
        """To the program alone SIGTERM; to mpirun SIGUSR2, which it passes on."""
        longer = dict(train__epochs=60, eval__every_epochs=0, run__checkpoint_every_steps=0)
        self.go_on("straight", **longer)
        for ranks, number in ((None, signal.SIGTERM), (2, signal.SIGUSR2)):
            with self.subTest(signal=number.name):
                metrics = self.folder / number.name / "metrics.jsonl"
                process = support.start(self.arguments(self.store, metrics.parent, **longer), ranks, cwd=self.folder)
                until = time.monotonic() + 60
                while not (metrics.exists() and metrics.read_text().count("\n") > 5) and time.monotonic() < until:
                    time.sleep(0.01)
                process.send_signal(number)
                finished = support.finish(process)
                self.assertEqual(finished.code, 75, finished)
                self.go_on(number.name, **longer)
                self.assert_same_run(number.name)

    def test_in_another_folder_past_a_damaged_checkpoint(self):
        self.go_on("straight")
        self.assertEqual(self.run_it("first", None, fault="compute:0:7:term").code, 75)
        newest = sorted((self.folder / "first" / "checkpoints").iterdir())[-1]
        with h5py.File(newest, "r+") as file:
            file["training/first_moment"][0] = np.nan
        finished = self.go_on("second", run__resume=self.folder / "first")
        self.assertIn("trying the checkpoint before", finished.stderr)
        self.assert_same_run("second")

    def test_a_plan(self):
        plan = lrprop_support.write_plan(self.folder / "plan.h5", lrprop_support.make_plan(self.videos, 4))
        settings = dict(train__plan=plan, train__epochs=3, train__pairs_per_step=None)
        self.go_on("straight", **settings)
        self.assertEqual(self.run_it("stopped", fault="compute:1:6:term", **settings).code, 75)
        self.go_on("stopped", **settings)
        self.assert_same_run("stopped")

    def test_a_run_that_is_done_stays(self):
        self.go_on("straight")
        before = (self.folder / "straight" / "model.h5").read_bytes()
        self.go_on("straight")
        self.assertEqual((self.folder / "straight" / "model.h5").read_bytes(), before)

    def test_after_the_last_epoch(self):
        """Killed before its last files were written."""
        self.go_on("straight")
        self.go_on("done")
        for name in ("model.h5", "evaluation.json", "summary.json"):
            (self.folder / "done" / name).unlink()
        self.go_on("done")
        self.assert_same_run("done")

    def test_an_evaluation_that_was_not_made_is_made(self):
        """As after a stop behind the last step."""
        first = self.go_on("straight")
        file = self.folder / "straight" / "evaluation.json"
        expected = file.read_bytes()
        file.unlink()
        again = self.go_on("straight")
        self.assertEqual(file.read_bytes(), expected)
        pattern = r"train loss \S+, mean cosine within a video \S+"
        said = [re.search(pattern, finished.stderr).group() for finished in (first, again)]
        self.assertEqual(said[0], said[1])


class OtherSettings(ResumingTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.run_it("run", None, fault="compute:0:5:term").code, 75)
        self.newest = sorted((self.folder / "run" / "checkpoints").iterdir())[-1].name

    def resume(self, **settings):
        return self.arguments(self.store, self.folder / "run", **settings)

    def test_are_refused_naming_both(self):
        for settings, words in (
            (dict(train__epochs=7), ["train.epochs = 6", "expected 7"]),
            (dict(train__seed=5), ["train.seed = 0", "expected 5"]),
            (dict(train__pairs_per_step=1), ["train.pairs_per_step = 2", "expected 1"]),
            (dict(loss__lambda_prop=1), ["loss.lambda_prop = 0.1", "expected 1"]),
            (dict(loss__sdtw_reduction="sum"), ["loss.sdtw_reduction", '"mean"', '"sum"']),
            (dict(model__hidden=16), ["model.hidden = 8", "expected 16"]),
            (dict(model__dropout=0.5), ["model.dropout = 0.1", "expected 0.5"]),
            (dict(data__standardize=True), ["data.standardize = false", "expected true"]),
            (dict(train__frames=20), ["train.frames = 12", "expected 20"]),
            (dict(train__profile="carl"), ["train.profile", '"recommended"', '"carl"']),
        ):
            with self.subTest(settings):
                self.refuse(self.resume(**settings), 11, self.newest, *words, ranks=(None,))
        self.go_on("run")

    def test_other_data_is_refused(self):
        other = lrprop_support.make_videos(32, classes=2, per_class=4)
        other = lrprop_support.write_store(self.folder / "other.h5", other)
        self.refuse(self.resume(data__store=other), 11, self.newest, "found training on a store of digest", ranks=(3,))


class OtherPhasesAndPlans(ResumingTest):
    """Neither is among the settings, or in the digest of a store's samples."""

    def copy_without(self, run, *attributes):
        """A checkpoint of the run as versions wrote it that did not know these attributes."""
        before = sorted((self.folder / run / "checkpoints").iterdir())[-1]
        older = self.folder / "older.h5"
        older.write_bytes(before.read_bytes())
        with h5py.File(older, "r+") as file:
            del file.attrs["digest"]
            for name in attributes:
                del file["training"].attrs[name]
        return older

    def test_other_phases_are_refused(self):
        self.go_on("run")
        reversed_phases = [phases[::-1].copy() for phases in self.videos.frame_labels]
        for frame_labels in (reversed_phases, None):
            with self.subTest(removed=frame_labels is None):
                changed = dataclasses.replace(self.videos, frame_labels=frame_labels)
                other = lrprop_support.write_store(self.folder / "other.h5", changed)
                arguments = self.arguments(other, self.folder / "run")
                self.refuse(arguments, 11, "step_00000012.h5", "phases have digest", "resume with the phases", ranks=(None, 3))
                older = self.copy_without("run", "phase_identity")
                self.go_on(f"of_{frame_labels is None}", data__store=other, run__resume=older)

    def test_other_times_are_not(self):
        """No score depends on them."""
        self.go_on("run")
        changed = dataclasses.replace(self.videos, timestamps=None)
        self.go_on("run", data__store=lrprop_support.write_store(self.folder / "other.h5", changed))

    def test_another_plan_of_the_same_name_is_refused(self):
        plan = self.folder / "plan.h5"
        settings = dict(train__plan=plan, train__epochs=2, train__pairs_per_step=None)
        for steps in (4, 6):
            with self.subTest(steps=steps):
                name = f"run_{steps}"
                lrprop_support.write_plan(plan, lrprop_support.make_plan(self.videos, 4))
                self.go_on(name, **settings)
                lrprop_support.write_plan(plan, lrprop_support.make_plan(self.videos, steps, seed=1))
                arguments = self.arguments(self.store, self.folder / name, **settings)
                self.refuse(arguments, 11, "step_00000008.h5", "by a plan of digest", "that of " + str(plan), ranks=(None, 3))
        older = self.copy_without("run_4", "plan_identity")
        self.go_on("of_older", run__resume=older, **settings)


class OtherNumbersOfRanks(ResumingTest):
    def test_change_a_step_of_so_many_pairs_a_rank(self):
        """Then a step has as many pairs as there are ranks: what was trained on would not be known any more."""
        for step in (1, 2):  # within an epoch, and between two
            with self.subTest(step=step):
                name, settings = f"run_{step}", dict(train__pairs_per_step=0)
                self.assertEqual(self.run_it(name, 2, fault=f"compute:1:{step}:term", **settings).code, 75)
                arguments = self.arguments(self.store, self.folder / name, **settings)
                words = ["checkpoints", "found steps of 2 pairs", "number of ranks", "train.pairs_per_step"]
                self.refuse(arguments, 11, *words, ranks=(None, 3))
                self.go_on(name, 2, **settings)


class Starts(lrprop_support.LrpropTest):
    def setUp(self):
        super().setUp()
        self.store = lrprop_support.write_store(self.folder / "set.h5", lrprop_support.make_videos(33))

    def test_from_a_model(self):
        """Its sizes and its mean and scale go along; Adam begins anew."""
        first = self.train("first", self.store, data__standardize=True)
        unsaid = {name: None for name in self.SETTINGS if name.startswith("model__") or name == "train__frames"}
        second = self.train("second", self.store, **unsaid, model__init=first / "model.h5")
        with h5py.File(second / "model.h5") as file:
            self.assertEqual(
                [file.attrs[name] for name in ("hidden", "heads", "layers", "embedding", "train_frames")], [8, 2, 2, 6, 12]
            )
            self.assertAlmostEqual(file.attrs["dropout"], 0.1)
        before, after = (support.read_arrays(run / "model.h5") for run in (first, second))
        np.testing.assert_array_equal(after["feature_mean"], before["feature_mean"])
        self.assertGreater(np.abs(after["weights/fc1.weight"] - before["weights/fc1.weight"]).max(), 0)
        steps = [support.read_metrics(run, "step") for run in (first, second)]
        self.assertLess(steps[1][0]["same"], steps[0][0]["same"])
        arguments = self.arguments(self.store, self.folder / "third", model__init=first / "model.h5", model__hidden=16)
        self.refuse(arguments, 11, "model.h5", "model.hidden = 8", "expected 16", ranks=(None,))

    def test_no_epochs_leave_the_model_as_it_was(self):
        first = self.train("first", self.store)
        second = self.train("second", self.store, model__init=first / "model.h5", train__epochs=0)
        before, after = (support.read_arrays(run / "model.h5") for run in (first, second))
        for name, array in before.items():
            np.testing.assert_array_equal(after[name], array, err_msg=name)
        self.assertEqual(*(lrprop_support.finite_json(run / "evaluation.json") for run in (first, second)))

    def test_printed_settings_read_back_give_the_same(self):
        settings = dict(loss__sigma2=12.5, train__profile="carl", data__standardize=True, eval__k="1, 3", train__lr=0.1 + 0.2)
        printed = self.succeed([PROGRAM, "train", *options(**settings), "--print-config"]).stdout
        for line in ("sigma2 = 12.5", "lr = 0.30000000000000004", 'schedule = "carl"', "layers = 3", "standardize = true"):
            self.assertIn(line, printed)
        (self.folder / "printed.toml").write_text(printed)
        again = self.succeed([PROGRAM, "train", "--config", "printed.toml", "--print-config"]).stdout
        self.assertEqual(again, printed)

    def test_a_run_s_own_settings_train_it_again(self):
        first = self.train("first", self.store)
        again = [PROGRAM, "train", "--config", first / "config.toml", *options(run__dir=self.folder / "second")]
        self.succeed(again)
        one, other = (support.read_arrays(self.folder / name / "model.h5") for name in ("first", "second"))
        for name, array in one.items():
            np.testing.assert_array_equal(other[name], array, err_msg=name)


if __name__ == "__main__":
    unittest.main()
