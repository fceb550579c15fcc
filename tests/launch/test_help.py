"""Every script of launch says what it is for when asked, and begins nothing."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"
BEGINNINGS = ("cmake", "cpack", "ctest", "dpkg-query", "git", "mktemp", "mpirun", "sbatch", "srun", "sudo")


def scripts():
    """Those that are run, not sourced."""
    return [script for script in sorted(LAUNCH.rglob("*.sh")) if script.read_text().startswith("#!")]


class Help(unittest.TestCase):
    def test_it_is_there_and_nothing_begins(self):
        self.assertGreater(len(scripts()), 10)
        with tempfile.TemporaryDirectory() as folder:
            begun = pathlib.Path(folder) / "begun"
            for name in BEGINNINGS:
                stub = pathlib.Path(folder) / name
                stub.write_text(f'#!/bin/sh\necho "{name} $*" >>{begun}\nexit 1\n')
                stub.chmod(0o755)
            surroundings = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
            for script in scripts():
                for word in ("-h", "--help"):
                    with self.subTest(script=script.name, word=word):
                        finished = subprocess.run(["bash", script, word], cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
                        self.assertEqual((finished.returncode, finished.stderr), (0, ""))
                        self.assertRegex(finished.stdout, rf"(?m)^(  (launch/(slurm/)?{re.escape(script.name)}|bash run\.sh)|usage: )")
                        self.assertFalse(begun.exists(), begun.exists() and begun.read_text())

    def test_it_ends_where_the_comment_ends(self):
        for script in scripts():
            with self.subTest(script=script.name):
                lines = script.read_text().splitlines()
                comment = next(number for number, line in enumerate(lines, 1) if not line.startswith("#")) - 1
                for last in re.findall(r"sed -n '2,(\d+)p'", script.read_text()):
                    self.assertEqual(int(last), comment)


if __name__ == "__main__":
    unittest.main()
