"""pip makes a wheel, which runs in an environment that has nothing else of this project."""

import os
import subprocess
import sys
import sysconfig
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

from package import BUILT, SOURCE, TORCH, WITH_TORCH

# By the tools that are installed. With the compiler's usual name and in a folder as deep as the other build's, ccache knows what was
# compiled there; and the folder stays.
BUILD = BUILT.parent.with_name(BUILT.parent.name + "-wheel")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def make_wheel(folder, libtorch=""):
    # What pip would bring along is CMake 3.26, without which a wheel is for one Python.
    settings = (f"build-dir={BUILD}", "wheel.py-api=", f"cmake.define.DEJAVID_LIBTORCH={libtorch}")
    words = [word for setting in settings for word in ("--config-settings", setting)]
    made = subprocess.run(
        [*PIP, "wheel", "--no-build-isolation", "--no-deps", "--no-index", *words, "-w", folder, SOURCE / "src" / "python"],
        capture_output=True, text=True, env={"CC": "/usr/bin/cc", "CXX": "/usr/bin/c++", **os.environ},
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = folder.glob("dejavid-*.whl")
    return wheel


class Clean:
    """An environment with nothing but a wheel; numpy and scikit-learn, which it requires, are those of this one."""

    def __init__(self, folder, wheel):
        self.folder = folder
        venv.create(folder / "clean", with_pip=False)
        (self.site,) = (folder / "clean").glob("lib/python3*/site-packages")
        subprocess.run([*PIP, "install", "--quiet", "--no-index", "--no-deps", "--target", self.site, wheel], check=True)
        (self.site / "required.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, code):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        python = self.folder / "clean" / "bin" / "python"
        return subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, cwd=self.folder)


class Wheel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dejavid-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def check_content(self, wheel, *expected):
        self.assertLess(wheel.stat().st_size, 2_000_000)
        with zipfile.ZipFile(wheel) as content:
            found = {Path(name).name.split(".")[0] for name in content.namelist() if name.endswith(".so")}
        self.assertEqual(found, set(expected))

    def test_a_wheel_is_made_and_runs_in_a_clean_environment(self):
        wheel = make_wheel(self.folder)
        self.check_content(wheel, "_core")
        clean = Clean(self.folder, wheel)
        ran = clean.run(
            "import numpy as np, dejavid\n"
            "X = np.random.default_rng(0).normal(size=(12, 9, 2))\n"
            "classifier = dejavid.DejaVidClassifier(epochs=2).fit(X, [0, 1] * 6)\n"
            "print(dejavid.__file__, classifier.align(X[0]).svg[:4])"
        )
        self.assertEqual(ran.stdout, f"{clean.site / 'dejavid' / '__init__.py'} <svg\n", ran.stderr)
        ran = clean.run("import dejavid.torch")
        self.assertIn("ImportError: dejavid.torch: found no torch (", ran.stderr)
        ran = clean.run("import dejavid\ndejavid.LRProp")
        self.assertIn("ImportError: dejavid.LRProp: found a dejavid that was built where Python had no torch", ran.stderr)

    def test_where_torch_is_there_the_wheel_has_what_needs_it(self):
        if not TORCH or not Path(TORCH[0], "torch", "include").is_dir():
            self.skipTest("found no torch with headers; run launch/install.sh")
        wheel = make_wheel(self.folder, Path(TORCH[0], "torch"))
        self.check_content(wheel, "_core", "_lrprop", "libdejavid_operations")
        clean = Clean(self.folder, wheel)
        ran = clean.run(
            WITH_TORCH + "import numpy as np, torch, dejavid.torch\n"
            "print(float(dejavid.torch.soft_dtw(torch.zeros(1, 1, 4), torch.ones(1, 1, 4))))\n"
            "X = np.random.default_rng(0).normal(size=(12, 9, 2))\n"
            "print(dejavid.LRProp(epochs=1, layers=1).fit(X).transform(X)[0].shape)"
        )
        self.assertEqual(ran.stdout, "4.0\n(9, 128)\n", ran.stderr)


if __name__ == "__main__":
    unittest.main()
