"""Training on a real GPU: the same runs as on the CPU, whatever adds up the gradients."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402

TOLERANCE = 1e-4  # relative, of every step's loss


def gpu_count():
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith("GPU ") for line in listing.splitlines())


@unittest.skipUnless(gpu_count(), "found no GPU")
class Training(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.set = support.make_set(classes=6, per_class=20, features=37, lengths=(5, 70))
        self.store = support.write_store(self.folder / "store.h5", self.set)

    def run_with(self, name, ranks=None, **settings):
        base = dict(model__steps=5, train__epochs=3, train__batch_size=24, train__lr=0.02, train__seed=3)
        return self.train(name, self.store, ranks, **{**base, **settings})

    def losses(self, run_dir):
        return np.array([record["loss"] for record in support.read_metrics(run_dir, "step")])

    def compare(self, run_dir, reference):
        losses, expected = self.losses(run_dir), self.losses(reference)
        self.assertEqual(len(losses), len(expected))
        np.testing.assert_allclose(losses, expected, rtol=TOLERANCE)
        predictions = [
            [row["prediction"] for row in self.predict(folder / "model.h5", self.store)] for folder in (run_dir, reference)
        ]
        self.assertEqual(*predictions)

    def test_steps_and_predictions_are_the_cpus(self):
        for name, settings in {
            "plain": {},
            "diagonal": {"model__diagonal": True},
            "every_batch": {"train__refresh": "batch"},
            "not_cached": {"data__cache": "none"},
            "series": {
                "data__slope": True,
                "model__diagonal": True,
                "train__refresh": "batch",
                "train__logit_norm": "log",
                "train__logit_scale": 8.0,
                "train__label_smoothing": 0.05,
            },
        }.items():
            with self.subTest(name):
                cpu = self.run_with(f"{name}_cpu", dist__device="cpu", **settings)
                self.compare(self.run_with(f"{name}_cuda", dist__device="cuda", **settings), cpu)

    def test_evaluation_is_the_cpus(self):
        model = self.run_with("model", dist__device="cpu", model__diagonal=True) / "model.h5"
        numbers = []
        for device in ("cpu", "cuda"):
            arguments = ["dejavid_dist", "eval", "--json", self.folder / f"{device}.json"]
            self.succeed(arguments + support.options(model__init=model, data__store=self.store, eval__split="train", dist__device=device))
            numbers.append(json.loads((self.folder / f"{device}.json").read_text()))
        cpu, cuda = numbers
        self.assertEqual(cpu["top1"], cuda["top1"])
        self.assertEqual(cpu["right_paths"], cuda["right_paths"])
        np.testing.assert_allclose(cuda["loss"], cpu["loss"], rtol=TOLERANCE)

    def test_one_rank_with_nccl_and_two_on_one_gpu(self):
        cpu = self.run_with("cpu", dist__device="cpu")
        self.compare(self.run_with("nccl", 1, dist__device="cuda", dist__backend="nccl"), cpu)
        self.compare(self.run_with("shared", 2, dist__device="cuda", dist__backend="mpi"), cpu)

    @unittest.skipUnless(gpu_count() > 1, "needs two GPUs")
    def test_two_ranks_with_nccl(self):
        cpu = self.run_with("cpu", dist__device="cpu")
        self.compare(self.run_with("nccl", 2, dist__device="cuda", dist__backend="nccl"), cpu)

    def test_the_same_bits_every_time(self):
        one, two = (support.read_arrays(self.run_with(name, dist__device="cuda") / "model.h5") for name in ("one", "two"))
        for name in ("centroids", "log_weights"):
            self.assertEqual(one[name].tobytes(), two[name].tobytes())


if __name__ == "__main__":
    unittest.main()
