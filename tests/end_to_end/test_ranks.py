"""What must not depend on the number of ranks, and what must not depend on having been interrupted."""

import shutil
import unittest

import h5py
import numpy as np

import support

RANKS = 1, 2, 3, 8
RANDOM_WEIGHTS = dict(model__steps=4, model__weight_init="random", train__seed=3, train__lr=0.02, train__epochs=2)


def losses(run_dir):
    return [step["loss"] for step in support.read_metrics(run_dir, "step")]


class SameOnAnyNumberOfRanks(support.ProgramTest):
    def compare(self, tse_set, **settings):
        """Trains on every number of ranks: same steps, losses to 1e-5, same predictions."""
        store = support.write_store(self.folder / "set.h5", tse_set)
        reference = None
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                run_dir = self.train(f"run_{ranks}", store, ranks, **{**RANDOM_WEIGHTS, **settings})
                rows = self.predict(run_dir / "model.h5", store, ranks)
                classes = [[row[column] for column in ("id", "label", "prediction", "top5")] for row in rows]
                steps, epochs = (support.read_metrics(run_dir, event) for event in ("step", "epoch"))
                if reference is None:
                    reference = steps, epochs, classes
                self.compare_records(steps, reference[0], ("loss",), ("epoch", "step", "lr", "samples"))
                self.compare_records(
                    epochs, reference[1], ("train_loss", "val_loss"), ("train_top1", "val_top1", "val_top5")
                )
                self.assertEqual(classes, reference[2])

    def compare_records(self, records, reference, close, equal):
        self.assertEqual(len(records), len(reference))
        for key in close:
            self.assert_relative([r[key] for r in records], [r[key] for r in reference], 1e-5, key)
        for key in equal:
            self.assertEqual([r[key] for r in records], [r[key] for r in reference], key)

    def test_random_weights_and_order(self):
        self.compare(support.make_set(1), train__batch_size=16)

    def test_fewer_samples_in_a_batch_than_ranks_and_a_smaller_last_batch(self):
        tse_set = support.make_set(2, classes=4, per_class=8, validation_per_class=1)  # 32 = 6 * 5 + 2; 4 to validate
        self.compare(tse_set, train__batch_size=5)

    def test_fewer_samples_than_ranks_altogether(self):
        self.compare(support.make_set(3, classes=3, per_class=1, validation_per_class=1), train__epochs=3)

    def test_diagonal_and_refresh_every_batch(self):
        self.compare(support.make_set(4), train__batch_size=16, model__diagonal=True, train__refresh="batch")

    def test_class_means_that_tie(self):
        """Of two classes with the same samples in another order, sums must round alike everywhere."""
        random = np.random.default_rng(2)
        base = [(random.normal(size=(7, 3)) * 10 ** random.uniform(-3, 3)).astype(np.float32) for _ in range(9)]
        order = random.permutation(9)
        samples = [sample for n in range(9) for sample in (base[n], base[order[n]], base[n] + 50)]
        samples += [random.normal(size=(4, 3)).astype(np.float32) for _ in range(10)]
        tse_set = support.TseSet(samples, np.array([0, 1, 2] * 9 + [0, 1] * 5), np.array([0] * 27 + [1] * 10), 3)
        store = support.write_store(self.folder / "ties.h5", tse_set)
        model = self.folder / "centroids.h5"
        self.succeed(["dejavid_dist", "centroids", *support.options(data__store=store), "--out", model])
        found = [self.succeed(["dejavid_dist", "eval", *support.options(model__init=model, data__store=store)], ranks).stdout for ranks in (1, 2, 3, 5)]
        means = [next(line for line in text.splitlines() if line.startswith("averaging")) for text in found]
        self.assertEqual(means, means[:1] * 4)

    def test_what_eval_tells(self):
        """Its sums are of numbers that round: losses, and shares of thirds."""
        tse_set = support.make_set(10, classes=3, per_class=5, validation_per_class=40, noise=4.0)
        store = support.write_store(self.folder / "set.h5", tse_set)
        model = self.folder / "centroids.h5"
        self.succeed(["dejavid_dist", "centroids", *support.options(data__store=store, model__steps=6), "--out", model])
        found = [
            self.succeed(["dejavid_dist", "eval", *support.options(model__init=model, data__store=store), "--json", "-"], ranks).stdout
            for ranks in (1, 2, 3, 5)
        ]
        self.assertEqual(found, found[:1] * 4)

    def test_paths_on_integers(self):
        self.compare(support.make_set(8), train__batch_size=16, train__path_precision="i8")

    def test_paths_on_integers_refreshed_every_batch(self):
        self.compare(support.make_set(9), train__batch_size=16, train__path_precision="i8", train__refresh="batch")

    def test_profile_of_the_released_code(self):
        self.compare(support.make_set(5), train__batch_size=16, train__profile="dejavid-code")

    def test_slopes_logarithms_and_steps_of_the_data(self):
        new = dict(data__slope=True, train__logit_norm="log", model__steps="auto", model__diagonal=True)
        self.compare(support.make_set(10, classes=3, lengths=(6, 30)), train__batch_size=16, **new)

    def test_predictions_of_one_model_are_the_same_file(self):
        tse_set = support.make_set(6, noise=4.0)
        store = support.write_store(self.folder / "set.h5", tse_set)
        generator = np.random.default_rng(6)
        model = support.write_model(self.folder / "model.h5", *generator.normal(size=(2, 5, 4, 7)))
        reference = self.predict(model, store)
        self.assertEqual(len(reference), 15)
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                self.assertEqual(self.predict(model, store, ranks), reference)

    def test_centroids_bit_for_bit_also_where_samples_are_drawn(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(7, per_class=9, lengths=(1, 20)))
        settings = support.options(data__store=store, model__steps=5, centroids__samples_per_class=5, train__seed=11)
        reference = None
        for ranks in RANKS:
            with self.subTest(ranks=ranks):
                out = self.folder / "centroids.h5"
                self.succeed(["dejavid_dist", "centroids", *settings, "--out", out], ranks)
                content = support.read_arrays(out)
                with h5py.File(out) as file:
                    content.update(file.attrs)
                out.unlink()
                reference = reference or content
                self.assertEqual(list(content), list(reference))
                for name in reference:
                    np.testing.assert_array_equal(content[name], reference[name], err_msg=name)

    def test_progress_says_that_it_is_of_one_rank(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(9))  # 5 classes, 55 samples
        settings = support.options(data__store=store, model__steps=5, data__bad_samples="skip")
        for ranks, of_rank, samples, classes in ((None, "", 55, 5), (3, r" \(rank 0 of 3\)", 18, 2)):
            with self.subTest(ranks=ranks):
                said = self.succeed(["dejavid_dist", "centroids", *settings, "--out", self.folder / f"{ranks}.h5"], ranks).stderr
                self.assertRegex(said, rf"(?m)looking for bad samples{of_rank}: {samples} samples in ")
                self.assertRegex(said, rf"(?m)centroids{of_rank}: {classes} classes in ")

    def test_another_seed_draws_other_samples(self):
        store = support.write_store(self.folder / "set.h5", support.make_set(8, per_class=9))
        drawn = []
        for seed in (1, 2):
            out = self.folder / f"centroids_{seed}.h5"
            settings = support.options(
                data__store=store, model__steps=5, centroids__samples_per_class=5, train__seed=seed
            )
            self.succeed(["dejavid_dist", "centroids", *settings, "--out", out])
            drawn.append(support.read_arrays(out)["centroids"])
        self.assertFalse(np.array_equal(*drawn))


class Resume(support.ProgramTest):
    """A straight run keeps all checkpoints; a copy cut back to one of them is what a killed run leaves behind."""

    settings = dict(
        **RANDOM_WEIGHTS,
        train__batch_size=16,
        model__learn_centroids=True,
        run__checkpoint_every_steps=2,
        run__checkpoint_keep=100,
    )

    def setUp(self):
        super().setUp()
        self.store = support.write_store(self.folder / "set.h5", support.make_set(9))  # 40 samples: 3 steps an epoch
        self.settings = {**self.settings, "train__epochs": 4}

    def killed_after(self, straight, name, checkpoint):
        run_dir = self.folder / name
        shutil.copytree(straight, run_dir)
        for later in (path for path in (run_dir / "checkpoints").iterdir() if path.name > checkpoint):
            later.unlink()
        for file in ("model.h5", "best.h5", "summary.json"):
            (run_dir / file).unlink()
        return run_dir

    def assert_same_run(self, run_dir, straight):
        expected, resumed = (support.read_arrays(folder / "model.h5") for folder in (straight, run_dir))
        self.assertEqual(list(resumed), list(expected))
        for name in expected:
            np.testing.assert_array_equal(resumed[name], expected[name], err_msg=name)
        for event in ("step", "epoch"):
            expected, resumed = (support.read_told(folder, event) for folder in (straight, run_dir))
            self.assertEqual(resumed, expected, event)

    def resume_from_every_checkpoint(self, ranks, **settings):
        settings = {**self.settings, **settings}
        straight = self.train("straight", self.store, ranks, **settings)
        checkpoints = sorted(path.name for path in (straight / "checkpoints").iterdir())
        self.assertGreaterEqual(len(checkpoints), 6)
        for checkpoint in checkpoints[1:-1:2] if ranks == 1 else checkpoints[3:4]:
            with self.subTest(checkpoint=checkpoint):
                run_dir = self.killed_after(straight, f"after_{checkpoint}", checkpoint)
                self.train(run_dir.name, self.store, ranks, **settings, run__resume="auto")
                self.assert_same_run(run_dir, straight)
        return straight, checkpoints

    def test_on_one_rank_within_and_between_epochs(self):
        self.resume_from_every_checkpoint(1)

    def test_on_three_ranks(self):
        self.resume_from_every_checkpoint(3)

    def test_with_frozen_weights_and_paths_of_every_batch(self):
        self.resume_from_every_checkpoint(2, model__learn_weights=False, train__refresh="batch")

    def test_with_paths_on_integers(self):
        self.resume_from_every_checkpoint(2, train__path_precision="i8")

    def test_with_slopes_steps_of_the_data_and_held_out_samples(self):
        """Of data.slope the checkpoint says itself what it was, as it does of all that belongs to the model."""
        tse_set = support.make_set(11, classes=4, per_class=13, lengths=(6, 20))
        tse_set.splits[tse_set.splits == support.VALIDATION] = support.TEST
        self.store = support.write_store(self.folder / "test.h5", tse_set)
        new = dict(data__slope=True, model__steps="auto", data__holdout=0.2, train__logit_norm="log")
        straight, checkpoints = self.resume_from_every_checkpoint(1, **new)
        self.assertEqual(support.read_metrics(straight, "step")[0]["samples"], 16)
        for unsaid in (["data__slope"], ["data__slope", "model__steps", "train__logit_norm"]):
            with self.subTest(unsaid=unsaid):
                run_dir = self.killed_after(straight, f"without_{len(unsaid)}", checkpoints[2])
                settings = {key: value for key, value in {**self.settings, **new}.items() if key not in unsaid}
                self.train(run_dir.name, self.store, 1, **settings, run__resume="auto")
                self.assert_same_run(run_dir, straight)
        for contradiction in (dict(data__slope=False), dict(data__holdout=0.3), dict(data__holdout=0), dict(train__seed=4)):
            with self.subTest(contradiction=contradiction):
                run_dir = self.killed_after(straight, "contradicted", checkpoints[2])
                settings = {**self.settings, **new, **contradiction, "run__resume": "auto"}
                finished = support.run(["dejavid_dist", "train", *support.options(data__store=self.store, run__dir=run_dir, **settings)])
                self.assertEqual(finished.code, 11, finished)
                self.assertIn(next(iter(contradiction)).replace("__", "."), finished.errors[0])
                shutil.rmtree(run_dir)

    def test_from_a_named_checkpoint_into_a_new_folder(self):
        straight = self.train("straight", self.store, 1, **self.settings)
        checkpoint = sorted((straight / "checkpoints").iterdir())[2]
        run_dir = self.train("again", self.store, 1, **self.settings, run__resume=checkpoint)
        expected, resumed = (support.read_arrays(folder / "model.h5") for folder in (straight, run_dir))
        for name in ("centroids", "log_weights"):
            np.testing.assert_array_equal(resumed[name], expected[name], err_msg=name)
        self.assertEqual(losses(run_dir), losses(straight)[-len(losses(run_dir)) :])

    def test_on_another_number_of_ranks_the_losses_go_on(self):
        straight = self.train("straight", self.store, 1, **self.settings)
        run_dir = self.killed_after(
            straight, "elsewhere", sorted(p.name for p in (straight / "checkpoints").iterdir())[2]
        )
        self.train(run_dir.name, self.store, 3, **self.settings, run__resume="auto")
        self.assert_relative(losses(run_dir), losses(straight), 1e-5, "loss")

    def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(self):
        straight = self.train("straight", self.store, 1, **self.settings)
        run_dir = self.killed_after(
            straight, "damaged", sorted(p.name for p in (straight / "checkpoints").iterdir())[4]
        )
        newest = sorted((run_dir / "checkpoints").iterdir())[-1]
        newest.write_bytes(newest.read_bytes()[:-200])
        finished = self.succeed(
            [
                "dejavid_dist",
                "train",
                *support.options(data__store=self.store, run__dir=run_dir, run__resume="auto", **self.settings),
            ]
        )
        self.assertIn(newest.name, finished.stderr)
        self.assert_same_run(run_dir, straight)

    def test_with_another_batch_size_no_sample_is_repeated_or_left_out(self):
        """Such a resume may also be refused."""
        straight = self.train("straight", self.store, 1, **self.settings)
        run_dir = self.killed_after(straight, "other", "step_00000002.h5")
        settings = {**self.settings, "train__batch_size": 6, "run__resume": "auto"}
        arguments = support.options(data__store=self.store, run__dir=run_dir, **settings)
        finished = support.run(["dejavid_dist", "train", *arguments])
        self.assertIn(finished.code, (0, 2, 11), finished)
        if finished.code == 0:
            taken = [0] * settings["train__epochs"]
            for step in support.read_metrics(run_dir, "step"):
                taken[step["epoch"]] += step["samples"]
            self.assertEqual(taken, [40] * len(taken))

    def test_auto_without_a_run_begins_anew(self):
        straight = self.train("straight", self.store, 1, **self.settings)
        self.assert_same_run(self.train("new", self.store, 1, **self.settings, run__resume="auto"), straight)


if __name__ == "__main__":
    unittest.main()
