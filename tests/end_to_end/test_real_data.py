"""A public data set from its text files to an accuracy: JapaneseVowels, 270 recordings to learn from, 370 to test."""

import unittest

import support

DATA = support.SOURCE.parent / "shared" / "data" / "ts"


def in_other_units(source, units, destination):
    """Writes a .ts file whose feature f is `units[f % len(units)]` times that of `source`."""
    head, at_data, samples = source.read_text().partition("@data\n")
    assert at_data, source
    lines = []
    for sample in samples.splitlines():
        *features, label = sample.split(":")
        scaled = [
            ",".join(repr(float(value) * units[f % len(units)]) for value in feature.split(","))
            for f, feature in enumerate(features)
        ]
        lines.append(":".join([*scaled, label]))
    destination.write_text(head + at_data + "\n".join(lines) + "\n")


class BasicMotions(support.ProgramTest):
    """Forty recordings to learn from, forty to test: one of them is 0.025."""

    def store(self, name, units, *flags):
        files = []
        for part in ("TRAIN", "TEST"):
            files.append(self.folder / f"{name}_{part}.ts")
            in_other_units(DATA / f"BasicMotions_{part}.ts", units, files[-1])
        store = self.folder / f"{name}.h5"
        done = self.succeed(["dejavid_convert", "ts", "--train", files[0], "--test", files[1], "--out", store, *flags])
        return store, done

    def train_on(self, name, store, **settings):
        run_dir = self.folder / name
        words = support.options(data__store=store, run__dir=run_dir, run__progress="off", **settings)
        done = self.succeed(["dejavid_dist", "train", "--config", support.SOURCE / "configs" / "series.toml", *words])
        return done, support.read_metrics(run_dir, "epoch")[-1]["val_top1"]

    def test_does_not_care_about_units(self):
        if not DATA.is_dir():
            self.skipTest(f"no data sets at {DATA}")
        for name, units in (("volts", [1e-6]), ("mixed", [1e-6, 1, 1e3, 1e-3])):
            with self.subTest(units=units):
                done, accuracy = self.train_on(name, self.store(name, units)[0])
                self.assertGreaterEqual(accuracy, 0.95)
                self.assertNotIn("warning", done.stderr)
        # The released code's steps do care, and it says so.
        done, _ = self.train_on("code", self.folder / "volts.h5", train__profile="dejavid-code", train__epochs=1)
        self.assertRegex(done.stderr, r"warning: .*features: found standard deviations from .*e-06.*; scale the features")

    def test_f16_says_what_is_too_small_for_it(self):
        if not DATA.is_dir():
            self.skipTest(f"no data sets at {DATA}")
        _, done = self.store("mixed", [1e-6, 1], "--float16")
        self.assertRegex(done.stderr, r"warning: \S+mixed.h5:features: found 3 of 6 features too small for f16, .*\(first feature 0, ")
        with self.assertRaisesRegex(AssertionError, "no feature that f16 holds with its own precision"):
            self.store("volts", [1e-6], "--float16")
        self.assertFalse((self.folder / "volts.h5").exists())


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
