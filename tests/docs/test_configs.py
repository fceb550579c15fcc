"""The files of configs are read by the programs that they are for, and mean what they say."""

import os
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"


def resolved(program, config, folder=None):
    words = [pathlib.Path(os.environ["DEJAVID_BIN"]) / program, "train", "--config", config, "--print-config"]
    return tomllib.loads(subprocess.run(words, check=True, capture_output=True, text=True, cwd=folder).stdout)


class Configs(unittest.TestCase):
    def test_every_one_is_read(self):
        for program, folder in (("dejavid_dist", CONFIGS), ("lrprop_dist", CONFIGS / "lrprop")):
            files = sorted(folder.glob("*.toml"))
            self.assertGreater(len(files), 3)
            for file in files:
                with self.subTest(file.name), tempfile.TemporaryDirectory() as elsewhere:
                    found = resolved(program, file)
                    self.assertEqual(resolved(program, file.stem, elsewhere), found, "build the programs again")
                    for section, keys in tomllib.loads(file.read_text()).items():
                        for key, value in keys.items():
                            self.assertEqual(found[section][key], value, f"{section}.{key}")

    def test_a_profile_sets_what_the_file_leaves_open(self):
        paper, carl = (resolved("lrprop_dist", CONFIGS / "lrprop" / f"{name}.toml") for name in ("paper", "carl"))
        self.assertEqual((paper["train"]["frames"], paper["loss"]["lambda_prop"], paper["loss"]["lambda_sdtw"]), (240, 0.01, 0.8))
        self.assertEqual((paper["loss"]["sigma2"], paper["loss"]["sdtw_reduction"], paper["train"]["lr"], paper["train"]["epochs"]), (10, "sum", 1e-4, 300))
        self.assertEqual((carl["loss"]["lambda_prop"], carl["loss"]["lambda_sdtw"], carl["model"]["layers"], carl["train"]["schedule"]), (0, 0, 3, "carl"))

    def test_the_actions_of_the_paper_have_a_file_each(self):
        self.assertEqual(len(list((CONFIGS / "lrprop").glob("penn_*.toml"))), 13)


if __name__ == "__main__":
    unittest.main()
