"""docs/reference/keys.md says what the program's help says."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))
import keys  # noqa: E402


class Keys(unittest.TestCase):
    def help(self):
        program = pathlib.Path(os.environ["DEJAVID_BIN"]) / "dejavid_dist"
        return subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout

    def config(self):
        program = pathlib.Path(os.environ["DEJAVID_BIN"]) / "dejavid_dist"
        return subprocess.run([program, "train", "--print-config"], check=True, capture_output=True, text=True).stdout

    def test_the_page_is_what_the_program_says(self):
        self.assertEqual(keys.PAGE.read_text(), keys.page(self.help()), "run launch/keys.py")

    def test_every_key_of_the_configuration_is_there(self):
        section, found = "", 0
        for line in self.config().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif " = " in line:
                found += 1
                self.assertIn(f"`{section}.{line.split(' = ')[0]}`", keys.PAGE.read_text())
        self.assertGreater(found, 25)

    def test_an_option_becomes_a_row(self):
        text = "[train]:\n  --train.refresh epoch|batch [epoch]    how often\n  --train.files FILE ...     which\n  --version   the version\n"
        rows = keys.page(text).removeprefix(keys.HEAD).splitlines()
        self.assertEqual(rows[1], "## train")
        self.assertEqual(rows[5:], ["| `train.refresh` | epoch\\|batch | epoch | how often |", "| `train.files` | FILE ... |  | which |"])


if __name__ == "__main__":
    unittest.main()
