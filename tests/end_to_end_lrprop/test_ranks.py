"""The same training on any number of ranks and threads: weights are equal to the bit; of what is recorded, sums are added
up in another order."""

import dataclasses
import unittest

import lrprop_support
import numpy as np
import support
from lrprop_support import PROGRAM, options


class Ranks(lrprop_support.LrpropTest):
    def result(self, name, store, ranks, **settings):
        run_dir = self.train(name, store, ranks, **settings)
        return lrprop_support.records(run_dir), support.read_arrays(run_dir / "model.h5")

    def assert_same(self, found, expected):
        self.assertEqual(len(found[0]), len(expected[0]))
        for one, other in zip(found[0], expected[0]):
            self.assertEqual(list(one), list(other))
            for key, number in other.items():
                if isinstance(number, float):
                    self.assertAlmostEqual(one[key], number, delta=1e-12 * max(1, abs(number)), msg=key)
                else:
                    self.assertEqual(one[key], number, key)
        self.assertEqual(list(found[1]), list(expected[1]))
        for name, array in expected[1].items():
            np.testing.assert_array_equal(found[1][name], array, err_msg=name)

    def compare(self, videos, ranks=(2, 3, 8), **settings):
        """Of 1 rank and those."""
        store = lrprop_support.write_store(self.folder / "set.h5", videos)
        expected = self.result("one", store, None, **settings)
        for count in ranks:
            for threads in (1, 2) if count == 2 else (1,):
                with self.subTest(ranks=count, threads=threads):
                    name = f"{count}_{threads}"
                    self.assert_same(self.result(name, store, count, dist__threads=threads, **settings), expected)
        return expected

    def test_odd_numbers_of_videos_and_several_actions(self):
        """2 + 2 + 1 pairs an epoch in steps of 3: a smaller last one, and more ranks than pairs."""
        videos = lrprop_support.make_videos(21, classes=3, per_class=5)
        third = np.flatnonzero((videos.labels == 2) & (videos.splits == support.TRAIN))
        videos.splits[third[3:]] = support.TEST
        records, _ = self.compare(videos, train__pairs_per_step=3, train__epochs=3, eval__every_epochs=1)
        steps = [record for record in records if record["event"] == "step"]
        self.assertEqual([step["pairs"] for step in steps], [3, 2] * 3)
        self.assertIn("leaves 5 of 8 ranks with nothing to do", self.said.stderr)

    def test_a_single_pair_a_step(self):
        self.compare(lrprop_support.make_videos(22, per_class=5), (2, 3), train__pairs_per_step=1)

    def test_more_pairs_a_step_than_there_are(self):
        self.compare(lrprop_support.make_videos(23, per_class=7), (3,), train__pairs_per_step=64)

    def test_the_sum_and_crops_of_standardised_features(self):
        videos = lrprop_support.make_videos(24, classes=2, per_class=4)
        settings = dict(loss__sdtw_reduction="sum", train__sampler="carl_paper", data__standardize=True)
        self.compare(videos, (2, 3), train__pairs_per_step=4, **settings)

    def test_threads_alone(self):
        store = lrprop_support.write_store(self.folder / "set.h5", lrprop_support.make_videos(25, per_class=8))
        one, two = (
            self.result(f"threads_{threads}", store, None, dist__threads=threads, train__pairs_per_step=4)
            for threads in (1, 2)
        )
        self.assert_same(two, one)

    def test_pairs_per_rank_is_a_step_of_all_ranks(self):
        store = lrprop_support.write_store(self.folder / "set.h5", lrprop_support.make_videos(26, per_class=9))
        by_rank = self.result("by_rank", store, 2, train__pairs_per_rank=2)
        self.assert_same(by_rank, self.result("by_step", store, 3, train__pairs_per_step=4))

    def test_local_statistics_depend_on_the_ranks(self):
        """What train.batch_norm = "local" is for: every rank's own; on one rank there is no difference."""
        store = lrprop_support.write_store(self.folder / "set.h5", lrprop_support.make_videos(27, per_class=8))
        settings = dict(train__pairs_per_step=4, train__epochs=1)
        synced, alone, local = (
            self.result(f"{norm}_{ranks}", store, ranks, train__batch_norm=norm, **settings)
            for norm, ranks in (("synced", None), ("local", None), ("local", 2))
        )
        self.assert_same(alone, synced)
        self.assertNotEqual(local[0][0]["loss"], synced[0][0]["loss"])
        self.assertAlmostEqual(local[0][0]["loss"], synced[0][0]["loss"], delta=1.0)

    def test_a_plan_on_several_ranks(self):
        """One pair a step: the other ranks wait."""
        videos = lrprop_support.make_videos(28, classes=2)
        plan = lrprop_support.write_plan(self.folder / "plan.h5", lrprop_support.make_plan(videos, 4))
        self.compare(videos, (3,), train__plan=plan)


class RanksThatAreNotAlike(lrprop_support.LrpropTest):
    """As on hosts that hold other files, or where a command line was changed on one of them."""

    def setUp(self):
        super().setUp()
        self.videos = lrprop_support.make_videos(29, classes=2)
        self.store = lrprop_support.write_store(self.folder / "set.h5", self.videos)

    def refuse_unlike(self, code, one, other, *words):
        finished = support.finish(support.start_unlike([(1, one), (1, other)], cwd=self.folder))
        self.assert_refused(finished, code, *words)

    def test_other_phases_or_times(self):
        """They are no part of what DejaVid learns from, but LRProp's numbers depend on them."""
        reversed_phases = [phases[::-1].copy() for phases in self.videos.frame_labels]
        later = [times + 1 for times in self.videos.timestamps]
        for name, change in (
            ("phases", dict(frame_labels=reversed_phases)),
            ("phases", dict(frame_labels=None)),
            ("timestamps", dict(timestamps=later)),
            ("timestamps", dict(timestamps=None)),
        ):
            with self.subTest(**{name: change}):
                changed = dataclasses.replace(self.videos, **change)
                other = lrprop_support.write_store(self.folder / "other.h5", changed)
                words = ["set.h5", f"found stores of different {name}", "on rank 1"]
                command = [PROGRAM, "eval", "--json", "x.json", "--embeddings"]
                self.refuse_unlike(10, [*command, self.store], [*command, other], *words)
                parts = [self.arguments(store, self.folder / "run") for store in (self.store, other)]
                self.refuse_unlike(10, *parts, *words)
                self.assertFalse((self.folder / "run").exists())

    def test_other_plans(self):
        for steps in (4, 6):
            with self.subTest(steps=steps):
                parts = []
                for host, seed, count in (("a", 0, 4), ("b", 1, steps)):
                    (self.folder / host).mkdir(exist_ok=True)
                    plan = lrprop_support.make_plan(self.videos, count, seed=seed)
                    lrprop_support.write_plan(self.folder / host / "plan.h5", plan)
                    train = self.arguments(self.store, self.folder / "run", train__plan="plan.h5")
                    inside = ["sh", "-c", 'cd "$0" && exec "$@"', self.folder / host]
                    parts += [":"] * bool(parts) + ["-np", "1", *inside, *support.command_line(train)]
                command = ["mpirun", "--oversubscribe", *parts]
                finished = support.finish(support.jobs.start(command, self.folder, support.surroundings()))
                self.assert_refused(finished, 10, "plan.h5", "ranks found different plans")
                self.assertFalse((self.folder / "run").exists())

    def test_other_options(self):
        model = self.train("model", self.store) / "model.h5"
        given = options(model__init=model, data__store=self.store, run__progress="off")
        align = [PROGRAM, "align", *given]
        usual = dict(query="sample_0", out="aligned", **{"key-frames": "1,2"}, **{"with": "sample_2"})
        for name, other in (
            ("query", "sample_2"), ("out", "elsewhere"), ("key-frames", "1,3"), ("with", "sample_4"), ("with", None)
        ):  # fmt: skip
            with self.subTest(option=name, other=other):
                changed = {key: word for key, word in {**usual, name: other}.items() if word is not None}
                words = [f'--{name} = "{usual[name]}" on rank 0', f'--{name} = "{other}" on rank 1']
                if other is None:
                    words[1] = f"no --{name} on rank 1"
                self.refuse_unlike(2, [*align, *options(**usual)], [*align, *options(**changed)], *words)
        evaluate = [PROGRAM, "eval", *given]
        self.refuse_unlike(2, [*evaluate, "--json", "a.json"], evaluate, '--json = "a.json" on rank 0', "no --json on rank 1")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["model", "set.h5"])


if __name__ == "__main__":
    unittest.main()
