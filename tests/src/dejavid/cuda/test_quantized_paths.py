"""Paths in bytes on the emulated GPU are the CPU's on the real data sets beside this repository, to the bit."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "end_to_end"))

import support  # noqa: E402

DATA = support.SOURCE.parent / "shared" / "data"
SERIES = ("BasicMotions", "JapaneseVowels", "NATOPS", "RacketSports")


class RealSets(support.ProgramTest):
    def test_the_same_paths(self):
        if not DATA.is_dir():
            self.skipTest(f"no data sets at {DATA}")
        stores = [DATA / "msr_action3d.h5", DATA / "penn_action_joints.h5"]
        for name in SERIES:
            stores.append(self.folder / f"{name}.h5")
            files = [DATA / "ts" / f"{name}_{part}.ts" for part in ("TRAIN", "TEST")]
            self.succeed(["dejavid_convert", "ts", "--train", files[0], "--test", files[1], "--out", stores[-1]])
        printed = self.succeed(["../tests/compare_quantized_paths", *stores]).stdout
        self.assertEqual(printed.count("the same paths"), len(stores), printed)


if __name__ == "__main__":
    unittest.main()
