"""A public data set from its text files to an accuracy: JapaneseVowels, 270 recordings to learn from, 370 to test."""

import unittest

import support

DATA = support.SOURCE.parent / "shared" / "data" / "ts"


class JapaneseVowels(support.ProgramTest):
    def test_learns_speakers_with_the_configuration_for_small_sets(self):
        if not DATA.is_dir():
            self.skipTest(f"no data sets at {DATA}")
        store = self.folder / "vowels.h5"
        files = [DATA / f"JapaneseVowels_{part}.ts" for part in ("TRAIN", "TEST")]
        self.succeed(["dejavid_convert", "ts", "--train", files[0], "--test", files[1], "--out", store])
        self.succeed(["dejavid_convert", "verify", store])
        run_dir = self.folder / "run"
        settings = support.options(data__store=store, run__dir=run_dir, run__progress="off")
        self.succeed(
            ["dejavid_dist", "train", "--config", support.SOURCE / "configs" / "series.toml", *settings], 2, timeout=600
        )
        epochs = support.read_metrics(run_dir, "epoch")
        self.assertGreaterEqual(epochs[-1]["val_top1"], 0.975)


if __name__ == "__main__":
    unittest.main()
