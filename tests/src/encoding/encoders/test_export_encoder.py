"""launch/export_encoder.py: what it writes is what the programs load, and what it refuses. Needs torch for Python."""

import contextlib
import importlib.util
import io
import json
import os
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path

import numpy as np

SOURCE = Path(os.environ["DEJAVID_SOURCE"])
TRY_ENCODER = Path(os.environ["DEJAVID_BIN"]).parent / "tests" / "try_encoder"
try:
    import torch
except (ImportError, OSError):  # the slim torch has no libraries for Python
    torch = None


def loaded(name, file):
    specification = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


NETWORKS = """
import torch

class Clips(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.convolution = torch.nn.Conv3d(3, 6, 3, stride=2)
        self.norm = torch.nn.BatchNorm3d(6)
        self.norm.running_mean.uniform_()
        self.last = torch.nn.Linear(6, 4)
    def forward(self, x):
        return self.last(torch.relu(self.norm(self.convolution(x))).mean((2, 3, 4)))

class OfBatch(Clips):
    def forward(self, x):
        y = super().forward(x)
        return y - y.mean(0)

class Branching(Clips):
    def forward(self, x):
        bright = x[:, 0, 0, 0, 0].numpy() > -1.5
        return super().forward(x) * (1 + torch.from_numpy(bright).float()[:, None])

class Unrolling(Clips):
    def forward(self, x):
        return torch.cat([super(Unrolling, self).forward(x[n : n + 1]) for n in range(len(x))])
"""
PREPARATION = ["--kind", "clip", "--frames", "5", "--size", "20", "--layout", "NCTHW", "--resize", "antialias"]
COLOURS = ["--mean", "0.4", "0.5", "0.6", "--std", "0.2", "0.25", "0.3"]


@unittest.skipIf(torch is None, "no torch for Python here: launch/install.sh --cuda brings one")
class ExportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "networks.py").write_text(NETWORKS, encoding="utf-8")

        self.exporter = loaded("export_encoder", SOURCE / "launch" / "export_encoder.py")
        warnings.simplefilter("ignore")

    def export(self, network, *arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            self.exporter.main(["--model", f"module:{self.folder / 'networks.py'}:{network}", *arguments])

    def refused(self, network, *arguments):
        with self.assertRaises(self.exporter.ExportError) as raised:
            self.export(network, *arguments)
        self.assertEqual([path.name for path in self.folder.glob("a*")], [], "a file was left behind")
        line = str(raised.exception)
        self.assertNotIn("\n", line)
        return line

    def expected_rows(self):
        """The network's rows of the probe, by numpy alone."""
        network = loaded("networks", self.folder / "networks.py").Clips().eval().double()
        weights = {"w": network.convolution.weight, "b": network.convolution.bias, "mean": network.norm.running_mean}
        weights.update(lw=network.last.weight, lb=network.last.bias)
        weights = {name: array.detach().numpy() for name, array in weights.items()}
        n, t, y, x, c = np.indices((2, 5, 20, 20, 3))
        levels = (x * (3 + c) + y * (5 - c) + t * (11 + 2 * n) + 17 * ((x // 8) ^ (y // 8)) + 53 * n) % 256
        numbers = (levels / 255 - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.3]
        windows = np.lib.stride_tricks.sliding_window_view(numbers, (3, 3, 3), axis=(1, 2, 3))[:, ::2, ::2, ::2]
        maps = np.einsum("nthwcijk,ocijk->nthwo", windows, weights["w"]) + weights["b"]
        features = np.maximum((maps - weights["mean"]) / np.sqrt(1 + 1e-5), 0).mean((1, 2, 3))
        return np.concatenate([features, features @ weights["lw"].T + weights["lb"]], 1)

    def test_both_formats_are_loaded_and_give_the_networks_rows(self):
        expected = self.expected_rows()
        for form, name in (("torchscript", "clips.pt"), ("export", "clips.pt2")):
            with self.subTest(form):
                out = self.folder / name
                (self.folder / "classes").write_text("\n".join("abcd"), encoding="utf-8")
                self.export("Clips", "--out", str(out), "--format", form, "--classes", str(self.folder / "classes"), *PREPARATION, *COLOURS)
                self.assertEqual(json.loads(out.with_suffix(".json").read_text())["classes"], ["a", "b", "c", "d"])
                tried = subprocess.run([TRY_ENCODER, out], capture_output=True, text=True, check=False)
                self.assertEqual(tried.returncode, 0, tried.stderr)
                description, *values = tried.stdout.splitlines()
                self.assertEqual(description, "clip 5 20 6 4")
                np.testing.assert_allclose(np.array(values, float).reshape(2, 10), expected, atol=1e-5)

    def test_a_network_whose_rows_depend_on_the_batch_is_refused(self):
        self.assertIn("the network at batch 2: found rows", self.refused("OfBatch", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS))

    def test_a_trace_that_is_another_network_is_refused(self):
        line = self.refused("Branching", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS)
        self.assertIn("the exported file at batch 1: found", line)

    def test_a_network_that_takes_inputs_one_by_one_is_refused(self):
        line = self.refused("Unrolling", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS)
        self.assertIn("the network at batch 2: found that torch cannot run it", line)

    def test_what_the_network_does_not_say_is_asked_for(self):
        self.assertIn("give --mean --std", self.refused("Clips", "--out", str(self.folder / "a.pt"), *PREPARATION))
        self.assertIn("expected .pt2", self.refused("Clips", "--out", str(self.folder / "a.pt"), "--format", "export", *PREPARATION, *COLOURS))
        self.assertIn("found no function", self.refused("Missing", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS))


if __name__ == "__main__":
    unittest.main()
