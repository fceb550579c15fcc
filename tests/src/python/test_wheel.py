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

from package import BUILT, SOURCE, TORCH


class Wheel(unittest.TestCase):
    def test_a_wheel_is_made_and_runs_in_a_clean_environment(self):
        with tempfile.TemporaryDirectory(prefix="dejavid-") as folder:
            folder = Path(folder)
            # By the tools that are installed. With the compiler's usual name and in a folder as deep as the other build's, ccache
            # knows what was compiled there; and the folder stays.
            words = ["wheel", "--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
            # What pip would bring along is CMake 3.26, without which a wheel is for one Python.
            build = BUILT.parent.with_name(BUILT.parent.name + "-wheel")
            settings = [f"build-dir={build}", "wheel.py-api="]
            # LRProp for the torch that the programs are built with.
            settings += [f"cmake.define.DEJAVID_LIBTORCH={packages}/torch" for packages in TORCH]
            settings = [word for setting in settings for word in ("--config-settings", setting)]
            made = subprocess.run(
                [sys.executable, "-m", "pip", *words, *settings, "-w", folder, SOURCE / "src" / "python"],
                capture_output=True, text=True, env={"CC": "/usr/bin/cc", "CXX": "/usr/bin/c++", **os.environ},
            )
            self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
            (wheel,) = folder.glob("dejavid-*.whl")
            self.assertLess(wheel.stat().st_size, 2_000_000)
            with zipfile.ZipFile(wheel) as content:
                modules = {Path(name).name.split(".")[0] for name in content.namelist() if name.endswith(".so")}
            self.assertEqual(modules, {"_core", "_lrprop"} if TORCH else {"_core"})
            clean = folder / "clean"
            venv.create(clean, with_pip=False)
            (site,) = clean.glob("lib/python3*/site-packages")
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
                 "--target", site, wheel], check=True,
            )
            # numpy and scikit-learn, which it requires, are those of this environment.
            (site / "required.pth").write_text(sysconfig.get_path("purelib") + "\n")
            code = (
                f"import sys\nsys.path += {TORCH}\n"
                "import numpy as np, dejavid\n"
                "X = np.random.default_rng(0).normal(size=(12, 9, 2))\n"
                "classifier = dejavid.DejaVidClassifier(epochs=2).fit(X, [0, 1] * 6)\n"
                "print(dejavid.__file__, classifier.align(X[0]).svg[:4])\n"
                "try:\n    import torch\nexcept (ImportError, OSError):\n    print('no torch')\n"
                "else:\n    print(dejavid.LRProp(epochs=1, layers=1).fit(X).transform(X)[0].shape)"
            )
            environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            ran = subprocess.run([clean / "bin" / "python", "-c", code], env=environment, capture_output=True, text=True, cwd=folder)
            classifier, embedder = ran.stdout.splitlines() or ("", "")
            self.assertEqual(classifier, f"{site / 'dejavid' / '__init__.py'} <svg", ran.stderr)
            if embedder == "no torch":
                self.skipTest("found no torch that can be loaded; LRProp was built and not run")
            self.assertEqual(embedder, "(9, 128)", ran.stderr)


if __name__ == "__main__":
    unittest.main()
