"""`dejavid_convert synthetic`: the stores it makes, as a file."""

import unittest

import numpy as np

import convert_case


class Synthetic(convert_case.ConvertCase):
    def test_same_seed_same_content_whatever_the_number(self):
        few = self.convert("synthetic", "--preset", "order", "--samples", 8, "--val-samples", 3, "--seed", 4)
        (self.folder / "a.h5").rename(self.folder / "first.h5")
        again = self.convert("synthetic", "--preset", "order", "--samples", 8, "--val-samples", 3, "--seed", 4)
        (self.folder / "a.h5").unlink()
        many = self.convert("synthetic", "--preset", "order", "--samples", 50, "--val-samples", 9, "--seed", 4)
        (self.folder / "a.h5").unlink()
        other = self.convert("synthetic", "--preset", "order", "--samples", 8, "--val-samples", 3, "--seed", 5)
        self.assertEqual(few.digests, again.digests)
        self.assertEqual(few.digests[:8], many.digests[:8])
        self.assertEqual(few.digests[8:], many.digests[50:53])
        self.assertEqual(set(few.digests) & set(other.digests), set())
        self.assertEqual(few.split, [0] * 8 + [1] * 3)
        self.assertEqual(many.labels[:50], [n % 6 for n in range(50)])

    def test_shapes(self):
        store = self.convert("synthetic", "--preset", "hmdb51", "--samples", 52, "--seed", 1, "--float16")
        self.assertEqual((len(store.class_names), store.features.shape, store.features.dtype), (51, (52 * 33, 1459), np.float16))
        self.assertIn("52 train, 0 val, 0 test samples; 51 classes; F = 1459; T = 33;", self.finished.stdout)
        (self.folder / "a.h5").unlink()
        store = self.convert(
            "synthetic", "--preset", "ssv2", "--samples", 4, "--classes", 3, "--features", 9, "--steps", 21, "--encoder", "none at all"
        )
        self.assertEqual((len(store.class_names), store.features.shape), (3, (4 * 21, 9)))
        self.assertEqual(store.attributes["encoder"], "none at all")

    def test_usage(self):
        self.refuse(2, ["--samples", "at least 6"], "synthetic", "--preset", "order", "--samples", 5, "--out", "a.h5")
        for key in ("--samples", "--val-samples", "--features", "--steps"):
            numbers = {"--samples": 6, key: 2**63 - 1}
            self.refuse(
                2, [key, "9223372036854775807"], "synthetic", "--preset", "order", "--out", "a.h5", *(w for pair in numbers.items() for w in pair)
            )
        for word in ("0x10", "1e3", "6.0", "", "+-6"):
            self.refuse(2, ["--samples", "expected an integer"], "synthetic", "--preset", "order", f"--samples={word}", "--out", "a.h5")
        self.assertEqual(len(self.convert("synthetic", "--preset", "order", "--samples", "010").labels), 10)  # not 8
        (self.folder / "a.h5").unlink()
        self.refuse(2, ["hmdb51"], "synthetic", "--preset", "hmdb", "--samples", 5, "--out", "a.h5")
        self.refuse(2, ["--gzip"], "synthetic", "--preset", "order", "--samples", 6, "--gzip", 10, "--out", "a.h5")
        self.refuse(2, ["--sample"], "synthetic", "--preset", "order", "--sample", 6, "--out", "a.h5")
        self.refuse(13, ["no/such"], "synthetic", "--preset", "order", "--samples", 6, "--out", "no/such/a.h5")
        self.convert("synthetic", "--preset", "order", "--samples", 6)
        self.refuse(13, ["a.h5"], "synthetic", "--preset", "order", "--samples", 6, "--out", "a.h5")
        for subcommand in ("", "ts", "torch", "npy", "synthetic", "info", "verify", "merge"):
            self.assertIn("Usage:", self.succeed(["dejavid_convert", *filter(None, [subcommand]), "--help"]).stdout)


if __name__ == "__main__":
    unittest.main()
