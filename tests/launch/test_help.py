"""Every script of launch says what it is for when asked, and begins nothing; those for sbatch begin nothing outside a job either."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"
BEGINNINGS = ("cmake", "cpack", "ctest", "dejavid_bench", "dejavid_convert", "dejavid_dist", "dejavid_encode", "dpkg-query", "git", "mkdir", "mktemp",
              "mpirun", "sbatch", "scontrol", "srun", "sudo")


def jobs():
    return sorted(LAUNCH.rglob("*.sbatch"))


def scripts():
    """Those that are run or submitted, not sourced."""
    return [script for script in sorted(LAUNCH.rglob("*.sh")) if script.read_text().startswith("#!")] + jobs()


class Help(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)
        self.begun = self.folder / "begun"
        for name in BEGINNINGS:
            stub = self.folder / name
            stub.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.begun}\nexit 1\n')
            stub.chmod(0o755)

    def call(self, script, *words):
        """A script outside any job, where whatever it begins is written down."""
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        surroundings["PATH"] = f"{self.folder}:{os.environ['PATH']}"
        finished = subprocess.run(["bash", script, *words], cwd=self.folder, env=surroundings, capture_output=True, text=True, check=False)
        self.assertFalse(self.begun.exists(), self.begun.exists() and self.begun.read_text())
        return finished

    def test_it_is_there_and_nothing_begins(self):
        self.assertGreater(len(scripts()), 15)
        for script in scripts():
            for word in ("-h", "--help"):
                with self.subTest(script=script.name, word=word):
                    finished = self.call(script, word)
                    self.assertEqual((finished.returncode, finished.stderr), (0, ""))
                    call = rf"(sbatch (--\S+ )*)?(launch/(slurm/)?{re.escape(script.name)}|bash run\.sh)"
                    self.assertRegex(finished.stdout, rf"(?m)^(  {call}|usage: )")

    def test_it_is_the_comment_and_no_more(self):
        for script in scripts():
            with self.subTest(script=script.name):
                lines = script.read_text().splitlines()
                comment = next(number for number, line in enumerate(lines, 1) if not line.startswith("#") or line.startswith("##SBATCH")) - 1
                for last in re.findall(r"sed -n '2,(\d+)p'", script.read_text()):
                    self.assertEqual(int(last), comment)

    def test_a_job_script_outside_a_job_says_how_to_submit_it(self):
        for script in jobs():
            with self.subTest(script=script.name):
                finished = self.call(script, "--data.store", "videos.h5")
                self.assertEqual((finished.returncode, finished.stdout), (2, ""))
                said = rf"error: found no Slurm job; expected .*; submit it with: sbatch launch/slurm/{re.escape(script.name)} \.\.\.\n"
                self.assertRegex(finished.stderr, rf"\A{said}\Z")


if __name__ == "__main__":
    unittest.main()
