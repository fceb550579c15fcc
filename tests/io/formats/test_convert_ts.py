"""`dejavid_convert ts` against a parser of three lines."""

import unittest

import numpy as np

import convert_case
from convert_case import support

DATA = support.SOURCE.parent / "shared" / "data" / "ts"


def parse(path):
    """(class names, samples, label texts) of a .ts file."""
    header, data = path.read_text().split("@data\n")
    names = next(line for line in header.splitlines() if line.startswith("@classLabel")).split()[2:]
    rows = [line.split(":") for line in data.splitlines() if line]
    return names, [np.array([d.split(",") for d in row[:-1]], dtype=float).T.astype(np.float32) for row in rows], [row[-1] for row in rows]


class Ts(convert_case.ConvertCase):
    def check(self, train, test):
        store = self.convert("ts", "--train", train, "--test", test)
        names, samples, labels = parse(train)
        _, test_samples, test_labels = parse(test)
        self.assertEqual(store.class_names, names)
        self.assertEqual([names[label] for label in store.labels], labels + test_labels)
        self.assertEqual(store.split, [0] * len(samples) + [2] * len(test_samples))
        prefix = train.stem.removesuffix("_TRAIN")
        self.assertEqual(store.ids[0], f"{prefix}_train_000000")
        self.assertEqual(store.ids[-1], f"{prefix}_test_{len(test_samples) - 1:06}")
        self.assertEqual(store.attributes["feature_dim"], samples[0].shape[1])
        for stored, expected in zip(store.samples, samples + test_samples, strict=True):
            np.testing.assert_array_equal(stored, expected)

    def test_ragged_numbers_as_written_by_python(self):
        generator = np.random.default_rng(1)
        for part, count in (("TRAIN", 20), ("TEST", 9)):
            lines = []
            for n in range(count):
                length = generator.integers(1, 40)
                sample = generator.normal(size=(3, length)) * 10.0 ** generator.integers(-30, 30, size=(3, length))
                lines.append(":".join(",".join(map(repr, row.tolist())) for row in sample) + f":{'cab'[n % 3]}")
            text = "@problemName Noise\n@dimensions 3\n@classLabel true c a b\n@data\n" + "\n".join(lines) + "\n"
            (self.folder / f"N_{part}.ts").write_text(text)
        self.check(self.folder / "N_TRAIN.ts", self.folder / "N_TEST.ts")

    def test_archive(self):
        if not DATA.is_dir():
            self.skipTest(f"no data sets at {DATA}")
        for train in sorted(DATA.glob("*_TRAIN.ts")):
            with self.subTest(train.name):
                self.check(train, train.with_name(train.name.replace("_TRAIN", "_TEST")))
                (self.folder / "a.h5").unlink()

    def test_recordings_are_pooled_by_their_names(self):
        for n in (1, 2):
            (self.folder / f"subject{n}.ts").write_text(f"@univariate true\n@classLabel true a b\n@data\n{n},2:a\n{n}:b\n")
            self.succeed(["dejavid_convert", "ts", "--train", f"subject{n}.ts", "--out", f"{n}.h5", "--progress", "off"])
        pooled = self.convert("merge", "1.h5", "2.h5")
        self.assertEqual(pooled.ids, [f"subject{n}_train_{m:06}" for n in (1, 2) for m in range(2)])
        (self.folder / "a.h5").unlink()
        for prefix, id in (("x", "x_train_000000"), ("", "train_000000")):
            store = self.convert("ts", "--train", "subject1.ts", "--id-prefix", prefix)
            self.assertEqual(store.ids[0], id)
            (self.folder / "a.h5").rename(self.folder / f"prefix{prefix}.h5")
        self.convert("ts", "--train", "subject2.ts", "--id-prefix", "x")
        self.refuse(10, ["x_train_000000", "--id-prefix"], "merge", "prefixx.h5", "a.h5", "--out", "b.h5")
        self.refuse(2, ["--id-prefix"], "ts", "--train", "subject1.ts", "--id-prefix", "\udce9", "--out", "b.h5")

    def test_what_is_passed_over_is_said(self):
        text = "@description \"two words\"\n@dimensions 1\n@classLabel true a b\n@data\n1,2:a\n?,1:b\n3:b\n"
        (self.folder / "gap.ts").write_text(text)
        store = self.convert("ts", "--train", "gap.ts", "--data.bad_samples", "skip")
        self.assertEqual(store.ids, ["gap_train_000000", "gap_train_000002"])
        for word in ("gap.ts: skipped unknown header lines: @description in line 1", "left out 1 of 3", "gap.ts:line 6", "'?'"):
            self.assertIn(word, self.finished.stderr)

    def test_refusals_have_their_exit_codes_and_leave_nothing(self):
        header = "@dimensions 1\n@classLabel true a b\n@data\n1,2:a\n"
        (self.folder / "gap.ts").write_text(header + "1,?:b\n")
        (self.folder / "label.ts").write_text(header + "1,2:c\n")
        self.refuse(12, ["gap.ts", "line 5", "'?'"], "ts", "--train", "gap.ts", "--out", "a.h5")
        self.refuse(10, ["label.ts", "line 5", "'c'"], "ts", "--train", "label.ts", "--out", "a.h5")
        (self.folder / "latin.ts").write_text(header + "1,2:\u00e9\n", encoding="latin-1")
        self.refuse(10, ["latin.ts:line 5", "label", "UTF-8"], "ts", "--train", "latin.ts", "--out", "a.h5")
        (self.folder / "latin.ts").write_text("@classLabel true a \u00e9\n@data\n1:a\n", encoding="latin-1")
        self.refuse(10, ["latin.ts:line 1", "label", "UTF-8"], "ts", "--train", "latin.ts", "--out", "a.h5")
        self.refuse(10, ["absent.ts"], "ts", "--train", "absent.ts", "--out", "a.h5")
        self.refuse(2, ["--train"], "ts", "--out", "a.h5")


if __name__ == "__main__":
    unittest.main()
