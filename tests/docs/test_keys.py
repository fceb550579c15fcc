"""The pages of keys in docs/reference say what the programs' help says."""

import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))
import keys  # noqa: E402


def output(name, *words):
    program = pathlib.Path(os.environ["DEJAVID_BIN"]) / name
    return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout


class Keys(unittest.TestCase):
    def test_the_page_is_what_the_program_says(self):
        for program, page in keys.PAGES.items():
            with self.subTest(program):
                self.assertEqual(page.read_text(), keys.page(program, keys.help_of(pathlib.Path(os.environ["DEJAVID_BIN"]) / program)), "run launch/keys.py")

    def test_every_key_of_the_configuration_is_there(self):
        for program, page in keys.PAGES.items():
            with self.subTest(program):
                section, found = "", 0
                for line in output(program, "train", "--print-config").splitlines():
                    if line.startswith("["):
                        section = line.strip("[]")
                    elif " = " in line:
                        found += 1
                        self.assertIn(f"`{section}.{line.split(' = ')[0]}`", page.read_text())
                self.assertGreater(found, 25)

    def test_an_option_becomes_a_row(self):
        text = "[train]:\n  --train.refresh epoch|batch [epoch]    how often\n  --train.files FILE ...     which\n  --version   the version\n"
        rows = keys.page("dejavid_dist", text).removeprefix(keys.head("dejavid_dist")).splitlines()
        self.assertEqual(rows[1], "## train")
        self.assertEqual(rows[5:], ["| `train.refresh` | epoch\\|batch | epoch | how often |", "| `train.files` | FILE ... |  | which |"])

    def test_a_page_names_its_program(self):
        self.assertIn("`lrprop_dist --help`", keys.page("lrprop_dist", ""))


if __name__ == "__main__":
    unittest.main()
