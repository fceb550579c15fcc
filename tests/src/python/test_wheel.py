"""pip makes a wheel, which runs in an environment that has nothing else of this project."""

import os
import subprocess
import sys
import sysconfig
import tempfile
import unittest
import venv
from pathlib import Path

SOURCE = Path(os.environ.get("DEJAVID_SOURCE", Path(__file__).resolve().parents[3]))
BUILT = Path(os.environ.get("DEJAVID_PACKAGE", SOURCE / "build" / "cpu" / "python"))
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
    def test_a_wheel_is_made_and_runs_in_a_clean_environment(self):
        with tempfile.TemporaryDirectory(prefix="dejavid-") as folder:
            folder = Path(folder)
            wheel = make_wheel(folder)
            self.assertLess(wheel.stat().st_size, 2_000_000)
            clean = Clean(folder, wheel)
            ran = clean.run(
                "import numpy as np, dejavid\n"
                "X = np.random.default_rng(0).normal(size=(12, 9, 2))\n"
                "classifier = dejavid.DejaVidClassifier(epochs=2).fit(X, [0, 1] * 6)\n"
                "print(dejavid.__file__, classifier.align(X[0]).svg[:4])"
            )
            self.assertEqual(ran.stdout, f"{clean.site / 'dejavid' / '__init__.py'} <svg\n", ran.stderr)
            ran = clean.run("import dejavid.torch")
            self.assertIn("ImportError: dejavid.torch: found no torch (", ran.stderr)

    def test_where_torch_is_there_the_wheel_has_its_operations(self):
        site = Path(os.environ.get("DEJAVID_TORCH_SITE", "none"))
        if not (site / "torch" / "include").is_dir():
            self.skipTest("found no torch with headers; run launch/install.sh")
        with tempfile.TemporaryDirectory(prefix="dejavid-") as folder:
            folder = Path(folder)
            wheel = make_wheel(folder, site / "torch")
            self.assertLess(wheel.stat().st_size, 2_000_000)
            clean = Clean(folder, wheel)
            use = (
                f"import os, sys\nsys.path.append({str(site)!r})\nsys.setdlopenflags(os.RTLD_LAZY)\nimport torch, dejavid.torch\n"
                "print(float(dejavid.torch.soft_dtw(torch.zeros(1, 1, 4), torch.ones(1, 1, 4))))"
            )
            ran = clean.run(use)
            self.assertEqual(ran.stdout, "4.0\n", ran.stderr)


if __name__ == "__main__":
    unittest.main()
