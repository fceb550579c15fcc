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

class Positions(Clips):
    def forward(self, x):
        positions = torch.linspace(0, 0.1, 5, device=x.device).to(x.dtype).to(device=x.device)
        return super().forward((x + positions[:, None, None]).to(torch.float32))

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


class LimitsTest(unittest.TestCase):
    """The exporter refuses what the loader refuses in the JSON, and nothing else: by each limit, and beyond it."""

    COLUMNS = {"features": 4, "logits": 0}
    INPUT = {"kind": "clip", "frames": 16, "size": 224, "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}
    TAKEN = (
        {},
        {"frames": 4096, "size": 128},
        {"frames": 4, "size": 4096},
        {"frames": 1, "size": 1},
        {"kind": "frame", "frames": 1},
        {"mean": [-3e38, 0, 3e38], "std": [1e-38, 1, 3e38]},
        {"features": 1 << 24, "logits": 1 << 24},
    )
    REFUSED = (
        ("frames", {"frames": 4097, "size": 64}),
        ("frames", {"frames": 4096, "size": 129}),
        ("frames", {"frames": 5, "size": 4096}),
        ("frames", {"frames": 0}),
        ("frames", {"kind": "frame", "frames": 2}),
        ("size", {"frames": 1, "size": 4097}),
        ("size", {"size": 0}),
        ("mean", {"mean": [0, 1e39, 0]}),
        ("mean", {"mean": [0.5, 0.5]}),
        ("std", {"std": [0.2, 0, 0.3]}),
        ("std", {"std": [0.2, -1, 0.3]}),
        ("std", {"std": [0.2, 0.25, 1e-46]}),
        ("std", {"std": [1e39, 1, 1]}),
        ("features", {"features": (1 << 24) + 1}),
        ("features", {"features": 0}),
        ("logits", {"logits": (1 << 24) + 1}),
    )

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.encoder = Path(folder.name) / "a.pt"
        self.encoder.touch()
        self.exporter = loaded("export_encoder", SOURCE / "launch" / "export_encoder.py")

    def said_by_the_loader(self, settings):
        """Its line; with a JSON that is right it is about the file, which is another."""
        document = {"layout": "NCTHW" if settings["kind"] == "clip" else "NCHW", "scale": "0-1", "resize": "bilinear"}
        document.update(settings, sha256="0" * 64, probe="a.probe.npy")
        self.encoder.with_suffix(".json").write_text(json.dumps(document), encoding="utf-8")
        tried = subprocess.run([TRY_ENCODER, self.encoder], capture_output=True, text=True, check=False)
        self.assertEqual(tried.returncode, 1)
        return tried.stderr

    def exporter_takes(self, settings):
        self.exporter.require_input(settings)
        self.exporter.require_columns(settings["features"], settings["logits"])

    def test_what_both_take(self):
        for change in self.TAKEN:
            with self.subTest(**change):
                settings = self.INPUT | self.COLUMNS | change
                self.assertIn("found a file of SHA-256", self.said_by_the_loader(settings))
                self.exporter_takes(settings)

    def test_what_both_refuse(self):
        for key, change in self.REFUSED:
            with self.subTest(**change):
                settings = self.INPUT | self.COLUMNS | change
                self.assertIn(f"a.json:{key}: found", self.said_by_the_loader(settings))
                with self.assertRaisesRegex(self.exporter.ExportError, f"{key}.*; expected"):
                    self.exporter_takes(settings)


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

    def test_what_was_traced_in_f32_on_a_cpu_computes_in_half_precision(self):
        out = self.folder / "positions.pt"
        self.export("Positions", "--out", str(out), *PREPARATION, *COLOURS)
        rows = []
        for precision in ([], ["bf16"]):
            tried = subprocess.run([TRY_ENCODER, out, *precision], capture_output=True, text=True, check=False)
            self.assertEqual(tried.returncode, 0, tried.stderr)
            rows.append(np.array(tried.stdout.splitlines()[1:], float))
        self.assertFalse(np.array_equal(*rows))  # by the probe both are near enough

    def test_a_network_whose_rows_depend_on_the_batch_is_refused(self):
        self.assertIn("the network at batch 2: found rows", self.refused("OfBatch", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS))

    def test_a_trace_that_is_another_network_is_refused(self):
        line = self.refused("Branching", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS)
        self.assertIn("the exported file at batch 1: found", line)

    def test_a_network_that_takes_inputs_one_by_one_is_refused(self):
        line = self.refused("Unrolling", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS)
        self.assertIn("the network at batch 2: found that torch cannot run it", line)

    def test_what_the_loader_would_refuse_is_refused_at_once(self):
        preparation = [*PREPARATION, "--size", "4096", *COLOURS]
        self.assertIn("--frames: found 5 of 4096 x 4096 pixels; expected", self.refused("Clips", "--out", str(self.folder / "a.pt"), *preparation))
        headless = ["--head", "last", *PREPARATION, *COLOURS]
        self.exporter.MOST_COLUMNS = 5
        self.assertIn("the network: found 6 features and 4 logits", self.refused("Clips", "--out", str(self.folder / "a.pt"), *headless))
        self.assertIn("a name that is not UTF-8", self.refused("Clips", "--out", str(self.folder / "a\udcff.pt"), *PREPARATION, *COLOURS))

    def test_what_the_network_does_not_say_is_asked_for(self):
        self.assertIn("give --mean --std", self.refused("Clips", "--out", str(self.folder / "a.pt"), *PREPARATION))
        self.assertIn("expected .pt2", self.refused("Clips", "--out", str(self.folder / "a.pt"), "--format", "export", *PREPARATION, *COLOURS))
        self.assertIn("found no function", self.refused("Missing", "--out", str(self.folder / "a.pt"), *PREPARATION, *COLOURS))


if __name__ == "__main__":
    unittest.main()
