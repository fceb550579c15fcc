"""The program with everything that a build with CUDA adds, on an emulated GPU: the same runs as on the CPU.

The emulated GPU starts with NaN in its memory and works its streams off in an order drawn by chance (DEJAVID_SHIM_SEED), so
that a missing event, wait or initialisation shows in the losses.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "end_to_end"))

import support  # noqa: E402

CPU, EMULATED = "dejavid_dist", "../tests/dejavid_dist_emulated"
TOLERANCE = 1e-4  # relative, of every step's loss
BASE = dict(model__steps=4, train__epochs=2, train__batch_size=16, train__lr=0.02, train__seed=3, run__progress="off")


@contextlib.contextmanager
def emulation(**variables):
    """DEJAVID_SHIM_<NAME> set for the programs that are started."""
    names = {f"DEJAVID_SHIM_{name.upper()}": str(value) for name, value in variables.items()}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def faulty(fault):
    """DEJAVID_FAULT set for the programs that are started."""
    os.environ["DEJAVID_FAULT"] = fault
    try:
        yield
    finally:
        del os.environ["DEJAVID_FAULT"]


class Way:
    """Ranks, GPUs and how the ranks' gradients are added up."""

    def __init__(self, name, ranks, devices, **settings):
        self.name, self.ranks, self.devices = name, ranks, devices
        self.settings = {"dist__device": "cuda", **settings}


ALONE = Way("alone", None, 1)
ONE_NCCL = Way("one_nccl", 1, 1, dist__backend="nccl")
TWO_NCCL = Way("two_nccl", 2, 3, dist__backend="nccl")
THREE_NCCL = Way("three_nccl", 3, 3)
TWO_SHARED = Way("two_shared", 2, 1)
THREE_STAGED = Way("three_staged", 3, 3, dist__backend="mpi")


class EmulatedTest(support.ProgramTest):
    def train_with(self, program, name, ranks=None, code=0, **settings):
        """(run folder, the ended program)."""
        run_dir = self.folder / name
        arguments = support.options(data__store=self.store, run__dir=run_dir, **{**BASE, **settings})
        finished = support.run([program, "train", *arguments], ranks, cwd=self.folder)
        self.assertEqual(finished.code, code, finished)
        return run_dir, finished

    def train_cpu(self, name="cpu", ranks=None, **settings):
        return self.train_with(CPU, name, ranks, **settings)[0]

    def train_on(self, way, name=None, seed=1, **settings):
        with emulation(devices=way.devices, seed=seed):
            run_dir, finished = self.train_with(EMULATED, name or way.name, way.ranks, **{**way.settings, **settings})
        self.assertNotIn("different parameters", finished.stderr)  # what ranks say at the next epoch's beginning
        return run_dir, finished

    def compare_runs(self, run_dir, reference, tolerance=TOLERANCE):
        for event, close, equal in (
            ("step", ["loss", "lr"], ["epoch", "step", "samples"]),
            ("epoch", ["train_loss", "val_loss"], ["train_top1", "val_top1", "val_top5"]),
        ):
            records, expected = (support.read_metrics(folder, event) for folder in (run_dir, reference))
            self.assertEqual(len(records), len(expected), event)
            self.assertGreater(len(expected), 0)
            for key in close:
                self.assert_relative([r[key] for r in records], [e[key] for e in expected], tolerance, f"{event}: {key}")
            for key in equal:
                self.assertEqual([r[key] for r in records], [e[key] for e in expected], f"{event}: {key}")

    def assert_same_arrays(self, file, reference):
        arrays, expected = support.read_arrays(file), support.read_arrays(reference)
        self.assertEqual(list(arrays), list(expected))
        for name in expected:
            np.testing.assert_array_equal(arrays[name], expected[name], err_msg=name)


class SameAsTheCpu(EmulatedTest):
    """Every switch: on one GPU with features kept there, uploaded every epoch, and on three GPUs."""

    def compare(self, tse_set, dtype=np.float32, ways=(ALONE, TWO_NCCL), **settings):
        self.store = support.write_store(self.folder / "set.h5", tse_set, dtype=dtype)
        reference = self.train_cpu(**settings)
        cases = [(ALONE, "device", 1), (ALONE, "none", 2), (ALONE, "memory", 3), (ways[-1], "device", 4), (ways[-1], "none", 5)]
        for way, cache, seed in cases:
            with self.subTest(way=way.name, cache=cache):
                run_dir, finished = self.train_on(way, f"{way.name}_{cache}", seed, data__cache=cache, **settings)
                self.assertEqual("kept in GPU memory" in finished.stderr, cache == "device", finished)
                self.compare_runs(run_dir, reference)
        return reference

    def test_defaults(self):
        reference = self.compare(support.make_set(1))
        predictions = self.predict(reference / "model.h5", self.store)
        for way in (ALONE, THREE_NCCL, TWO_SHARED):
            with self.subTest(predict=way.name), emulation(devices=way.devices):
                out = self.folder / f"{way.name}.csv"
                self.succeed(
                    [EMULATED, "predict", *support.options(model__init=reference / "model.h5", data__store=self.store, **way.settings), "--out", out],
                    way.ranks,
                )
                rows = support.read_predictions(out)
                for column in ("id", "label", "prediction", "top5"):
                    self.assertEqual([r[column] for r in rows], [p[column] for p in predictions], column)

    def test_many_small_batches_of_single_samples_too(self):
        """Groups of batches follow one another; on two ranks one has no sample in the last batch."""
        self.compare(support.make_set(2, classes=3, per_class=9, lengths=(1, 9)), train__batch_size=2)

    def test_batches_of_one_sample(self):
        """All ranks but one have nothing to do in any step."""
        self.compare(support.make_set(3, classes=3, per_class=5), train__batch_size=1, ways=(ALONE, THREE_NCCL))

    def test_diagonal(self):
        self.compare(support.make_set(4), model__diagonal=True)

    def test_diagonal_refreshed_every_batch(self):
        self.compare(support.make_set(5), model__diagonal=True, train__refresh="batch", train__batch_size=6)

    def test_refreshed_every_batch_with_the_staged_backend(self):
        self.compare(support.make_set(6), train__refresh="batch", train__batch_size=6, ways=(ALONE, THREE_STAGED))

    def test_fixed_weights(self):
        self.compare(support.make_set(7), model__learn_weights=False)

    def test_fixed_centroids_and_random_weights(self):
        self.compare(support.make_set(8), model__learn_centroids=False, model__weight_init="random")

    def test_profile_of_the_released_code(self):
        self.compare(support.make_set(9), train__profile="dejavid-code")

    def test_without_normalisation_and_with_decay(self):
        self.compare(support.make_set(10, classes=2, per_class=12), train__logit_norm="none", train__weight_decay=0.1)

    def test_one_step_centroids(self):
        self.compare(support.make_set(11), model__steps=1)

    def test_centroids_longer_than_samples(self):
        self.compare(support.make_set(12, lengths=(2, 40)), model__steps=19)

    def test_half_precision_and_wide_features(self):
        self.compare(support.make_set(13, features=37, lengths=(20, 50)), dtype=np.float16, model__steps=8)

    def test_more_classes_than_blocks_are_even(self):
        self.compare(support.make_set(14, classes=7, per_class=4), ways=(ALONE, THREE_NCCL))

    def test_logarithms_of_distances(self):
        self.compare(support.make_set(16), train__logit_norm="log", train__logit_scale=3)

    def test_slopes_logarithms_and_steps_of_the_data(self):
        """Windows of one step and of several; features that are not a whole number of 16-byte pieces with their slopes."""
        for dtype in (np.float32, np.float16):
            with self.subTest(dtype=dtype.__name__):
                tse_set = support.make_set(17, classes=3, per_class=6, lengths=(1, 62))
                settings = dict(data__slope=True, train__logit_norm="log", model__steps="auto", model__diagonal=True)
                self.compare(tse_set, dtype, ways=(ALONE, THREE_NCCL), train__batch_size=6, **settings)
                self.folder = self.folder / "next"
                self.folder.mkdir()

    def test_slopes_of_held_out_samples(self):
        tse_set = support.make_set(18, per_class=9)
        tse_set.splits[tse_set.splits == support.VALIDATION] = support.TEST
        reference = self.compare(tse_set, np.float16, data__slope=True, data__holdout=0.3, train__refresh="batch")
        self.assertGreater(support.read_metrics(reference, "epoch")[0]["val_loss"], 0)
        arguments = support.options(model__init=reference / "model.h5", data__store=self.store, eval__split="val")
        expected = self.succeed([CPU, "eval", *arguments]).stdout
        self.assertIn("15 holdout samples", expected)
        with emulation(devices=1):
            self.assertEqual(self.succeed([EMULATED, "eval", *arguments, "--dist.device", "cuda"]).stdout, expected)

    def test_slopes_searched_on_integers(self):
        self.compare(support.make_set(19, features=9), data__slope=True, train__path_precision="i8", train__logit_norm="log")

    def test_evaluation_with_slopes_prints_what_the_cpu_prints(self):
        """Its paths too."""
        for dtype, diagonal in ((np.float32, False), (np.float16, True)):
            self.store = support.write_store(self.folder / f"{dtype.__name__}.h5", support.make_set(15), dtype=dtype)
            settings = dict(data__slope=True, train__logit_norm="log", model__diagonal=diagonal)
            model = self.train_cpu(f"cpu_{dtype.__name__}", **settings) / "model.h5"
            arguments = support.options(model__init=model, data__store=self.store)
            answers = []
            for program, way in ((CPU, None), (EMULATED, ALONE), (EMULATED, TWO_SHARED), (EMULATED, THREE_NCCL)):
                with emulation(devices=way.devices if way else 0):
                    device = support.options(**way.settings) if way else []
                    out = self.folder / "numbers.json"
                    out.unlink(missing_ok=True)
                    self.succeed([program, "eval", *arguments, *device, "--json", out], way.ranks if way else None)
                    answers.append(json.loads(out.read_text()))
            for answer in answers[1:]:
                with self.subTest(dtype=dtype.__name__):
                    self.assertGreater(answer["right_paths"]["samples"], 0)
                    for key in ("samples", "half_on_one_step", "largest_share_on_one_step"):
                        self.assertAlmostEqual(answer["right_paths"][key], answers[0]["right_paths"][key], places=12)
                    self.assertEqual([answer[key] for key in ("top1", "top5", "confusion")], [answers[0][key] for key in ("top1", "top5", "confusion")])

    def test_evaluation_prints_what_the_cpu_prints(self):
        for dtype in (np.float32, np.float16):
            self.store = support.write_store(self.folder / f"{dtype.__name__}.h5", support.make_set(15), dtype=dtype)
            model = self.train_cpu(f"cpu_{dtype.__name__}") / "model.h5"
            arguments = support.options(model__init=model, data__store=self.store)
            expected = self.succeed([CPU, "eval", *arguments]).stdout
            for way in (ALONE, TWO_SHARED):
                with self.subTest(way=way.name, dtype=dtype.__name__), emulation(devices=way.devices):
                    printed = self.succeed([EMULATED, "eval", *arguments, *support.options(**way.settings)], way.ranks).stdout
                    self.assertEqual(printed, expected)


class AnyNumberOfRanks(EmulatedTest):
    def setUp(self):
        super().setUp()
        self.store = support.write_store(self.folder / "set.h5", support.make_set(20))

    def test_every_backend_has_the_same_losses(self):
        reference, _ = self.train_on(ALONE, train__batch_size=6)
        said = {"one_nccl": "backend nccl", "two_nccl": "backend nccl", "three_nccl": "backend nccl",
                "two_shared": "ranks share a GPU", "three_staged": "backend mpi"}  # fmt: skip
        for way in (ONE_NCCL, TWO_NCCL, THREE_NCCL, TWO_SHARED, THREE_STAGED):
            with self.subTest(way=way.name):
                run_dir, finished = self.train_on(way, train__batch_size=6)
                self.assertIn(said[way.name], finished.stderr)
                self.compare_runs(run_dir, reference, tolerance=1e-5)

    def test_two_runs_are_the_same_bytes(self):
        """Also where the streams are worked off in another order; the folder's name is part of the file."""
        for way in (ALONE, TWO_NCCL, TWO_SHARED):
            files = []
            for seed in (1, 2, 3):
                run_dir, _ = self.train_on(way, "run", seed, train__batch_size=6)
                files.append(((run_dir / "model.h5").read_bytes(), [s["loss"] for s in support.read_metrics(run_dir, "step")]))
                shutil.rmtree(run_dir)
            with self.subTest(way=way.name):
                self.assertEqual(files[1], files[0])
                self.assertEqual(files[2], files[0])

    def test_environment_and_doctor_name_the_gpus(self):
        run_dir, _ = self.train_on(TWO_NCCL)
        environment = (run_dir / "environment.json").read_text()
        for word in ("emulated GPU", "0000:02:00.0", "CUDA runtime", "NCCL", "backend nccl"):
            self.assertIn(word, environment)
        for way in (ALONE, TWO_NCCL, TWO_SHARED):
            with self.subTest(way=way.name), emulation(devices=way.devices):
                printed = self.succeed([EMULATED, "doctor", *support.options(**way.settings)], way.ranks).stdout
                self.assertRegex(printed, r"all_reduce sum in GPU memory \(\w+\) *ok")
                self.assertIn("PCI 0000:01:00.0", printed)
                self.assertIn("All checks passed.", printed)


class OneVisibleGpuForEachRank(EmulatedTest):
    """As launchers show them (Slurm's --gpus-per-task): every rank calls its own GPU number 0."""

    MEMORY = 4 << 20  # bytes of each; more than a quarter is left free for training

    def setUp(self):
        super().setUp()
        tse_set = support.make_set(45, features=128, lengths=(70, 80))
        self.training_bytes = sum(sample.nbytes for sample in tse_set.of(support.TRAIN)[0])
        self.store = support.write_store(self.folder / "set.h5", tse_set)

    def start(self, name, first_devices, code=0, **settings):
        """A training run, a rank for each of `first_devices`, the only device that it sees."""
        settings = {**BASE, "train__epochs": 1, "dist__device": "cuda", **settings}
        program = support.command_line([EMULATED, "train", *support.options(data__store=self.store, run__dir=self.folder / name, **settings)])
        parts = [(1, ["/usr/bin/env", f"DEJAVID_SHIM_FIRST={device}", *program]) for device in first_devices]
        with emulation(devices=1, memory=self.MEMORY):
            finished = support.finish(support.start_unlike(parts, cwd=self.folder))
        self.assertEqual(finished.code, code, finished)
        return finished

    def test_features_are_kept_where_every_rank_has_its_own(self):
        """They fill more of a GPU than two ranks on one would be granted."""
        self.assertGreater(self.training_bytes, self.MEMORY // 4)
        for cache in ("auto", "device"):
            with self.subTest(cache=cache):
                finished = self.start(cache, (0, 1), data__cache=cache)
                self.assertIn("kept in GPU memory", finished.stderr)
                self.assertIn("backend nccl", finished.stderr)

    def test_ranks_that_see_the_same_one_share_its_memory(self):
        finished = self.start("shared", (1, 1))
        self.assertIn("ranks share a GPU", finished.stderr)
        self.assertIn("uploaded every epoch", finished.stderr)
        refused = self.start("refused", (1, 1), 2, data__cache="device")
        self.assertIn("data.cache", refused.errors[0])

    def test_sharing_is_counted_for_each_gpu(self):
        """Two of three ranks share: none keeps its features, for all ranks go the same way."""
        finished = self.start("some", (0, 1, 1))
        self.assertIn("ranks share a GPU", finished.stderr)
        self.assertIn("uploaded every epoch", finished.stderr)


class PathsInF16(EmulatedTest):
    """train.path_precision = f16: near ties may be decided otherwise, all else is as in f32."""

    plain = dict(train__batch_size=6, train__epochs=3, train__lr=0.002)
    settings = dict(train__path_precision="f16", **plain)

    def write(self, seed, dtype=np.float32, **extents):
        """Features with offsets and spreads of their own, more of them than are summed in f16."""
        tse_set = support.make_set(seed, features=45, lengths=(10, 30), **extents)
        generator = np.random.default_rng(seed)
        offsets, spreads = generator.normal(scale=20, size=45), np.exp(generator.normal(size=45))
        tse_set.samples[:] = [(offsets + spreads * sample).astype(np.float32) for sample in tse_set.samples]
        self.store = support.write_store(self.folder / f"set_{seed}.h5", tse_set, dtype=dtype)

    def test_losses_near_those_of_f32(self):
        for seed, dtype, settings in (
            (60, np.float32, {}),
            (61, np.float16, dict(model__steps=8, data__cache="none")),
            (62, np.float32, dict(train__refresh="batch", model__diagonal=True)),
            (63, np.float32, dict(model__steps=1)),
        ):
            with self.subTest(seed=seed):
                self.write(seed, dtype)
                reference = self.train_cpu(f"cpu_{seed}", **{**self.plain, **settings})
                for way in (ALONE, THREE_NCCL):
                    run_dir, _ = self.train_on(way, f"{way.name}_{seed}", seed, **{**self.settings, **settings})
                    for event, key in (("step", "loss"), ("epoch", "val_loss")):
                        found, expected = ([r[key] for r in support.read_metrics(folder, event)] for folder in (run_dir, reference))
                        self.assert_relative(found, expected, 5e-3, f"{way.name} {event}: {key}")

    def test_searches_are_in_f16(self):
        """Features whose differences f16 does not keep: other paths, hence another loss, than in f32; validation is in f32 all the same."""
        tse_set = support.make_set(64, features=3)
        tse_set.samples[:] = [sample + np.float32(1000) * (np.arange(len(sample), dtype=np.float32) % 2)[:, None] for sample in tse_set.samples]
        self.store = support.write_store(self.folder / "set.h5", tse_set)
        first = {}
        for precision in ("f32", "f16"):
            run_dir, _ = self.train_on(ALONE, precision, train__path_precision=precision, train__epochs=1, train__lr=1e-30)
            first[precision] = [support.read_metrics(run_dir, event)[0][key] for event, key in (("step", "loss"), ("epoch", "val_loss"))]
        self.assertNotEqual(first["f16"][0], first["f32"][0])
        self.assertEqual(first["f16"][1], first["f32"][1])

    def test_the_same_bytes_and_any_number_of_ranks(self):
        self.write(65)
        losses = {}
        for way in (ALONE, TWO_NCCL, THREE_STAGED):
            files = []
            for seed in (1, 2):
                run_dir, _ = self.train_on(way, "run", seed, **self.settings)
                losses[way.name] = [s["loss"] for s in support.read_metrics(run_dir, "step")]
                files.append(((run_dir / "model.h5").read_bytes(), losses[way.name]))
                shutil.rmtree(run_dir)
            with self.subTest(way=way.name):
                self.assertEqual(files[1], files[0])
                self.assert_relative(losses[way.name], losses["alone"], 1e-5, way.name)

    def test_evaluation_with_frozen_paths_is_in_f32(self):
        """Before the first update the frozen parameters are the live ones, so both searches find the same."""
        self.write(66)
        settings = {**self.settings, "train__epochs": 1, "train__lr": 1e-30}
        runs = [self.train_on(ALONE, paths, eval__paths=paths, **settings)[0] for paths in ("current", "frozen")]
        current, frozen = ([r["val_loss"] for r in support.read_metrics(run, "epoch")] for run in runs)
        self.assert_relative(frozen, current, 1e-5, "val_loss")


class PathsInI8(EmulatedTest):
    """train.path_precision = i8: the CPU's paths to the bit, so losses are as near to the CPU's as in f32."""

    settings = dict(train__path_precision="i8", train__batch_size=6)

    def compare(self, seed, dtype=np.float32, make=None, ways=(ALONE, THREE_NCCL), **settings):
        """Features with offsets and spreads of their own."""
        tse_set = support.make_set(seed, features=45, lengths=(10, 30), **(make or {}))
        generator = np.random.default_rng(seed)
        offsets, spreads = generator.normal(scale=20, size=45), np.exp(generator.normal(size=45))
        tse_set.samples[:] = [(offsets + spreads * sample).astype(np.float32) for sample in tse_set.samples]
        self.store = support.write_store(self.folder / "set.h5", tse_set, dtype=dtype)
        settings = {**self.settings, **settings}
        reference = self.train_cpu(**settings)
        for way in ways:
            with self.subTest(way=way.name):
                self.compare_runs(self.train_on(way, seed=seed, **settings)[0], reference)
        return reference

    def test_as_the_cpu(self):
        self.compare(70)

    def test_half_precision_uploaded_anew(self):
        self.compare(71, np.float16, model__steps=8, data__cache="none")

    def test_refreshed_every_batch_with_the_diagonal(self):
        self.compare(72, model__diagonal=True, train__refresh="batch", ways=(ALONE, THREE_STAGED))

    def test_one_step_centroids(self):
        self.compare(73, model__steps=1)

    def test_a_gpu_search_in_i8_finds_other_paths_than_one_in_f32(self):
        reference = self.compare(74, ways=())
        first = {}
        for precision in ("f32", "i8"):
            run_dir, _ = self.train_on(ALONE, precision, **{**self.settings, "train__path_precision": precision})
            first[precision] = support.read_metrics(run_dir, "step")[0]["loss"]
        self.assertNotEqual(first["f32"], first["i8"])
        self.assert_relative([first["i8"]], [support.read_metrics(reference, "step")[0]["loss"]], 1e-5, "first loss")

    def test_the_same_bytes(self):
        self.store = support.write_store(self.folder / "set.h5", support.make_set(75))
        for way in (ALONE, TWO_NCCL):
            files = []
            for seed in (1, 2):
                run_dir, _ = self.train_on(way, "run", seed, **self.settings)
                files.append(((run_dir / "model.h5").read_bytes(), [s["loss"] for s in support.read_metrics(run_dir, "step")]))
                shutil.rmtree(run_dir)
            with self.subTest(way=way.name):
                self.assertEqual(files[1], files[0])


class GradientsInF16(EmulatedTest):
    """train.gradient_precision = f16: roundings, hence losses a little off, and all else as in f32."""

    plain = dict(train__batch_size=6, train__epochs=3, train__lr=0.002)
    settings = dict(train__gradient_precision="f16", **plain)

    def write(self, seed, dtype=np.float32, features=45):
        """Features with offsets and spreads of their own."""
        tse_set = support.make_set(seed, features=features, lengths=(10, 30))
        generator = np.random.default_rng(seed)
        offsets, spreads = generator.normal(scale=20, size=features), np.exp(generator.normal(size=features))
        tse_set.samples[:] = [(offsets + spreads * sample).astype(np.float32) for sample in tse_set.samples]
        self.store = support.write_store(self.folder / f"set_{seed}.h5", tse_set, dtype=dtype)

    def test_losses_near_those_of_f32(self):
        # Many features: roundings go either way. With one centroid step all classes are nearly as far, and the loss is of their differences.
        for seed, dtype, ways, first_epoch, settings in (
            (70, np.float32, (ALONE, THREE_NCCL), 5e-4, {}),
            (71, np.float16, (ALONE,), 5e-4, dict(model__steps=8, data__cache="none", train__profile="dejavid-code")),
            (72, np.float32, (ALONE,), 5e-4, dict(train__refresh="batch", model__diagonal=True)),
            (73, np.float32, (ALONE,), 5e-3, dict(model__steps=1)),
        ):
            with self.subTest(seed=seed):
                self.write(seed, dtype, features=300)
                reference = self.train_cpu(f"cpu_{seed}", **{**self.plain, **settings})
                for way in ways:
                    run_dir, _ = self.train_on(way, f"{way.name}_{seed}", seed, **{**self.settings, **settings})
                    for event, key, first, tolerance in (("step", "loss", 4, first_epoch), ("step", "loss", None, max(2e-3, first_epoch)), ("epoch", "val_loss", None, max(2e-3, first_epoch))):
                        found, expected = ([r[key] for r in support.read_metrics(folder, event)][:first] for folder in (run_dir, reference))
                        self.assert_relative(found, expected, tolerance, f"{way.name} {event}: {key}")

    def test_differs_from_f32_and_evaluation_does_not(self):
        self.write(74)
        losses = {}
        for precision in ("f32", "f16"):
            run_dir, _ = self.train_on(ALONE, precision, **{**self.settings, "train__gradient_precision": precision, "train__epochs": 1, "train__lr": 1e-30})
            losses[precision] = [support.read_metrics(run_dir, event)[0][key] for event, key in (("step", "loss"), ("epoch", "val_loss"))]
        self.assertNotEqual(losses["f16"][0], losses["f32"][0])
        self.assertEqual(losses["f16"][1], losses["f32"][1])

    def test_the_same_bytes_and_any_number_of_ranks(self):
        self.write(75)
        losses = {}
        for way in (ALONE, TWO_NCCL, THREE_STAGED):
            files = []
            for seed in (1, 2):
                run_dir, _ = self.train_on(way, "run", seed, **self.settings)
                losses[way.name] = [s["loss"] for s in support.read_metrics(run_dir, "step")]
                files.append(((run_dir / "model.h5").read_bytes(), losses[way.name]))
                shutil.rmtree(run_dir)
            with self.subTest(way=way.name):
                self.assertEqual(files[1], files[0])
                self.assert_relative(losses[way.name], losses["alone"], 1e-3, way.name)


class Resume(EmulatedTest):
    settings = dict(train__batch_size=6, train__epochs=3, run__checkpoint_every_steps=3, run__checkpoint_keep=100)

    def setUp(self):
        super().setUp()
        self.store = support.write_store(self.folder / "set.h5", support.make_set(30))

    def cut_back(self, straight, name, checkpoint):
        """A copy of a run, as it was after that checkpoint."""
        run_dir = self.folder / name
        shutil.copytree(straight, run_dir)
        for later in (path for path in (run_dir / "checkpoints").iterdir() if path.name > checkpoint):
            later.unlink()
        for file in ("model.h5", "best.h5", "summary.json"):
            (run_dir / file).unlink()
        return run_dir

    def checkpoints(self, run_dir):
        return sorted(path.name for path in (run_dir / "checkpoints").iterdir())

    def test_on_the_gpu_bit_for_bit(self):
        for way in (ALONE, TWO_NCCL):
            straight, _ = self.train_on(way, f"straight_{way.name}", **self.settings)
            names = self.checkpoints(straight)
            self.assertGreaterEqual(len(names), 8)
            for checkpoint in names[1:-1:3]:
                with self.subTest(way=way.name, checkpoint=checkpoint):
                    run_dir = self.cut_back(straight, f"{way.name}_{checkpoint}", checkpoint)
                    self.train_on(way, run_dir.name, run__resume="auto", **self.settings)
                    self.assert_same_arrays(run_dir / "model.h5", straight / "model.h5")
                    losses = [[s["loss"] for s in support.read_metrics(run, "step")] for run in (run_dir, straight)]
                    self.assertEqual(*losses)

    def test_after_kills_and_stops_bit_for_bit(self):
        """Within an epoch too, where uploads, paths and sums of steps to come are under way."""
        for way, faults in ((ALONE, ["compute:0:4:kill", "update:0:7:kill"]), (TWO_NCCL, ["compute:1:5:kill", "compute:1:4:stop"])):
            straight, _ = self.train_on(way, f"unbroken_{way.name}", **self.settings)
            for fault in faults:
                with self.subTest(way=way.name, fault=fault):
                    name = f"{way.name}_{fault.replace(':', '_')}"
                    with faulty(fault):
                        arguments = {**BASE, **self.settings, **way.settings, "run__resume": "auto", "dist__timeout_s": 10}
                        options = support.options(data__store=self.store, run__dir=self.folder / name, **arguments)
                        with emulation(devices=way.devices):
                            finished = support.run([EMULATED, "train", *options], way.ranks)
                    self.assertIn("fault: ", finished.stderr)
                    self.assertEqual(finished.code, 14, finished) if fault.endswith("stop") else self.assertNotEqual(finished.code, 0)
                    self.train_on(way, name, run__resume="auto", **self.settings)
                    self.assert_same_arrays(self.folder / name / "model.h5", straight / "model.h5")

    def test_from_the_cpu_to_the_gpu_and_back(self):
        straight = self.train_cpu("straight", **self.settings)
        checkpoint = self.checkpoints(straight)[3]
        to_gpu = self.cut_back(straight, "to_gpu", checkpoint)
        self.train_on(TWO_NCCL, "to_gpu", run__resume="auto", **self.settings)
        self.compare_runs(to_gpu, straight)
        on_gpu, _ = self.train_on(ALONE, "on_gpu", **self.settings)
        back = self.cut_back(on_gpu, "back", checkpoint)
        self.train_with(CPU, "back", None, run__resume="auto", **self.settings)
        self.compare_runs(back, straight)

    def test_checkpoints_do_not_change_what_is_learned(self):
        one, _ = self.train_on(ALONE, "one", **self.settings)
        other, _ = self.train_on(ALONE, "other", **{**self.settings, "run__checkpoint_every_steps": 0})
        self.assert_same_arrays(one / "model.h5", other / "model.h5")

    def stop(self, way, sent, to_one_rank):
        """Stops a run that would take long, then lets it go on to its third epoch's end."""
        settings = {**self.settings, "train__epochs": 2000, "run__checkpoint_every_steps": 0}
        run_dir = self.folder / f"stopped_{way.name}"
        arguments = support.options(data__store=self.store, run__dir=run_dir, **{**BASE, **settings, **way.settings})
        with emulation(devices=way.devices):
            process = support.start([EMULATED, "train", *arguments], way.ranks)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.stderr.close)
            metrics, deadline = run_dir / "metrics.jsonl", time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                if metrics.exists() and metrics.read_text().count('"step",') >= 5:
                    break
                time.sleep(0.02)
            receiver = process.pid
            if to_one_rank:
                children = [Path(f"/proc/{process.pid}/task/{task.name}/children").read_text().split() for task in Path(f"/proc/{process.pid}/task").iterdir()]  # fmt: skip
                receiver = int(sum(children, [])[-1])
            os.kill(receiver, sent)
            finished = support.finish(process, timeout=60)
        self.assertEqual(finished.code, 75, finished)
        checkpoint = self.folder / self.checkpoints(run_dir)[-1]
        with h5py.File(run_dir / "checkpoints" / checkpoint.name) as file:
            steps = int(file["training"].attrs["step"])
        self.assertEqual(len(support.read_metrics(run_dir, "step")), steps)

    def test_sigterm_alone(self):
        self.stop(ALONE, signal.SIGTERM, False)

    def test_sigusr2_to_one_of_two_ranks(self):
        self.stop(TWO_NCCL, signal.SIGUSR2, True)


class Refusals(EmulatedTest):
    def setUp(self):
        super().setUp()
        self.store = support.write_store(self.folder / "set.h5", support.make_set(40))

    def refuse(self, way, code, *words, memory=None, stuck=None, **settings):
        asked = {"devices": way.devices, "memory": memory, "stuck": stuck}
        variables = {name: value for name, value in asked.items() if value is not None}
        with emulation(**variables):
            _, finished = self.train_with(EMULATED, "refused", way.ranks, code, **{**way.settings, **settings})
        self.assertEqual(len(finished.errors), 1, finished)
        for word in words:
            self.assertIn(word, finished.errors[0])
        return finished

    def test_auto_without_a_gpu_trains_on_the_cpu_and_says_so(self):
        for ranks in (None, 2):
            with self.subTest(ranks=ranks), emulation(devices=0):
                _, finished = self.train_with(EMULATED, f"auto_{ranks}", ranks)
                self.assertEqual(finished.stderr.count("no GPU found"), 1, finished)
                self.assertIn("computing on the CPU", finished.stderr)
        expected, auto = (support.read_arrays(folder / "model.h5") for folder in (self.train_cpu(), self.folder / "auto_None"))
        np.testing.assert_array_equal(auto["centroids"], expected["centroids"])

    def test_auto_with_a_gpu_takes_it(self):
        self.assertIn("cuda (emulated GPU", self.train_on(ALONE, dist__device="auto")[1].stderr)

    def test_cuda_without_a_gpu(self):
        self.refuse(Way("none", None, 0), 2, "dist.device", "no GPU")
        self.refuse(Way("none", 2, 0), 2, "dist.device", "no GPU")

    def test_nccl_where_ranks_share_a_gpu(self):
        self.refuse(Way("shared", 2, 1), 2, "GPU", dist__backend="nccl")

    def test_nccl_on_the_cpu(self):
        self.refuse(ALONE, 2, "dist.backend", "nccl", dist__device="cpu", dist__backend="nccl")

    def test_device_cache_on_the_cpu(self):
        self.refuse(ALONE, 2, "data.cache", "device", dist__device="cpu", data__cache="device")

    def test_device_cache_that_does_not_fit(self):
        self.store = support.write_store(self.folder / "wide.h5", support.make_set(41, features=2000, lengths=(30, 40)))
        self.refuse(ALONE, 2, "data.cache", "GiB", memory=16 << 20, data__cache="device")
        with emulation(devices=1, memory=64 << 20):
            _, finished = self.train_with(EMULATED, "auto", dist__device="cuda", train__epochs=1, train__batch_size=4)
        self.assertIn("features", finished.stderr)

    def test_a_gpu_that_is_too_small(self):
        self.store = support.write_store(self.folder / "wide.h5", support.make_set(42, features=2000, lengths=(30, 40)))
        self.refuse(ALONE, 1, "GPU memory", "MiB", memory=1 << 20, data__cache="none")

    def test_a_kernel_that_never_ends(self):
        """Every ninth: of training and validation, then of an evaluation."""
        timeout = dict(dist__device="cuda", dist__timeout_s=1)
        model = self.train_cpu(train__epochs=1) / "model.h5"
        training = ["train", *support.options(data__store=self.store, **{**BASE, "train__epochs": 1}, **timeout)]
        evaluating = ["eval", *support.options(data__store=self.store, model__init=model, **timeout)]
        for arguments in (training, evaluating):
            stuck, code = 0, 14
            while code == 14:
                stuck += 9
                with self.subTest(command=arguments[0], stuck=stuck), emulation(devices=1, stuck=stuck):
                    finished = support.run([EMULATED, *arguments, "--run.dir", f"run_{stuck}"], cwd=self.folder)
                    code = finished.code
                    self.assertIn(code, (0, 14), finished)
                    if code == 14:
                        self.assertIn("found no return from work on the GPU after 1.0 s", finished.errors[0])
            self.assertGreater(stuck, 5)

    def test_a_sample_that_cannot_be_read_ends_all_ranks_alike(self):
        """One rank fails where the others have already enqueued sums that will never come."""
        halves = support.write_store(self.folder / "half.h5", support.make_set(40), dtype=np.float16)
        for store in (self.store, halves):
            with h5py.File(store, "r+") as file:
                file["digests"][17] += np.uint64(1)
        cases = [(self.store, way) for way in (ALONE, TWO_NCCL, THREE_NCCL, TWO_SHARED)] + [(halves, ALONE)]
        for self.store, way in cases:
            for cache in ("none", "device"):
                with self.subTest(way=way.name, cache=cache, store=self.store.name):
                    finished = self.refuse(way, 10, "sample 17", data__cache=cache, train__batch_size=3, model__init=self.start())
                    self.assertNotIn("timeout", finished.stderr)

    def start(self):
        """A model to start from, so that no barycenter reads the samples first."""
        generator = np.random.default_rng(40)
        return support.write_model(self.folder / "start.h5", generator.normal(size=(5, 4, 7)))

    def test_what_is_not_finite_ends_as_on_the_cpu(self):
        """A weight that overflows: refused in the same step, in the same words, and nothing is updated."""
        generator = np.random.default_rng(41)
        centroids = generator.normal(size=(5, 4, 7)).astype(np.float32)
        log_weights = np.zeros_like(centroids)
        log_weights[2, 1, 3] = 88.7
        start = support.write_model(self.folder / "huge.h5", 1e3 * centroids, log_weights)
        settings = dict(model__init=start, train__batch_size=4, train__lr=1e-3)
        _, expected = self.train_with(CPU, "cpu", None, 12, **settings)
        self.assertEqual(len(expected.errors), 1, expected)
        for way in (ALONE, TWO_NCCL, TWO_SHARED):
            with self.subTest(way=way.name):
                finished = self.refuse(way, 12, **settings)
                self.assertEqual(finished.errors[0].split("found")[1:], expected.errors[0].split("found")[1:])
                shutil.rmtree(self.folder / "refused", ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
