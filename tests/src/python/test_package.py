"""dejavid.DejaVidClassifier beside dejavid_dist, and what a guest in another's interpreter must not do."""

import os
import pickle
import signal
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

from package import BUILT, COUNTING, SOURCE, check_page, python  # first: it says where the others are

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import support  # noqa: E402
from sklearn.base import BaseEstimator, TransformerMixin, clone  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from support import ProgramTest, options  # noqa: E402

import dejavid  # noqa: E402
from dejavid._classifier import KEYS  # noqa: E402

SERIES = SOURCE / "configs" / "series.toml"


def names_of(data):
    return np.array([f"class {label}" for label in data.labels])


class BesideTheProgram(ProgramTest):
    """Training on the same samples as dejavid_dist."""

    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory(prefix="dejavid-")
        cls.addClassCleanup(cls.kept.cleanup)
        kept = Path(cls.kept.name)
        cls.data = support.make_set(seed=5, classes=4, per_class=12, validation_per_class=0, noise=3.0)
        cls.store = support.write_store(kept / "set.h5", cls.data)
        cls.run_dir = kept / "run"
        words = options(data__store=cls.store, run__dir=cls.run_dir)
        finished = support.run(["dejavid_dist", "train", "--config", SERIES, *words])
        assert finished.code == 0, finished
        cls.classifier = dejavid.DejaVidClassifier().fit(cls.data.samples, names_of(cls.data))

    def test_fit_gives_the_bits_of_the_program(self):
        with h5py.File(self.run_dir / "model.h5") as model:
            for name, found in (("centroids", self.classifier.centroids_), ("log_weights", self.classifier.log_weights_)):
                np.testing.assert_array_equal(found, model[name][()], name)
            config = tomllib.loads(model.attrs["config"])
        ours = tomllib.loads(self.classifier.config_)
        for section in ("model", "centroids", "train", "eval"):
            self.assertEqual(ours[section], config[section])
        self.assertEqual(ours["data"]["slope"], config["data"]["slope"])

    def test_threads_change_nothing(self):
        again = clone(self.classifier).set_params(n_jobs=2).fit(self.data.samples, names_of(self.data))
        np.testing.assert_array_equal(again.centroids_, self.classifier.centroids_)
        np.testing.assert_array_equal(again.log_weights_, self.classifier.log_weights_)

    def test_model_files_go_both_ways(self):
        from_program = dejavid.DejaVidClassifier.from_file(self.run_dir / "model.h5")
        expected = self.classifier.predict_proba(self.data.samples)
        np.testing.assert_array_equal(from_program.predict_proba(self.data.samples), expected)
        self.classifier.to_file(self.folder / "ours.h5")
        rows = self.predict(self.folder / "ours.h5", self.store, eval__split="train")
        self.assertEqual([int(row["prediction"]) for row in rows], np.argmax(expected, axis=1).tolist())
        again = dejavid.DejaVidClassifier.from_file(self.folder / "ours.h5")
        np.testing.assert_array_equal(again.predict(self.data.samples), self.classifier.predict(self.data.samples))

    def test_damaged_model_files_are_refused(self):
        self.classifier.to_file(self.folder / "ours.h5")
        with h5py.File(self.folder / "ours.h5", "r+") as model:
            model["centroids"][0, 0, 0] += 1
        with self.assertRaisesRegex(ValueError, "ours.h5: found content of digest"):
            dejavid.DejaVidClassifier.from_file(self.folder / "ours.h5")
        checkpoint = next((self.run_dir / "checkpoints").iterdir())
        with self.assertRaisesRegex(ValueError, "found a checkpoint"):
            dejavid.DejaVidClassifier.from_file(checkpoint)
        with self.assertRaisesRegex(FileNotFoundError, "none.h5"):
            dejavid.DejaVidClassifier.from_file(self.folder / "none.h5")
        (self.folder / "text.h5").write_text("no")
        with self.assertRaisesRegex(ValueError, "found no HDF5 file"):
            dejavid.DejaVidClassifier.from_file(self.folder / "text.h5")

    def test_align_draws_what_the_program_draws(self):
        names = names_of(self.data)
        wrong = np.flatnonzero(self.classifier.predict(self.data.samples) != names)
        for n in [0, *wrong[:1]]:
            out = self.folder / f"align_{n}"
            words = options(model__init=self.run_dir / "model.h5", data__store=self.store)
            self.succeed(["dejavid_dist", "align", *words, "--sample", f"sample_{n}", "--out", out])
            found = self.classifier.align(self.data.samples[n], names[n], name=f"sample_{n}")
            self.assertEqual(found.svg, (out / "alignment.svg").read_text())
            self.assertEqual(found._repr_svg_(), found.svg)
            self.assertEqual(found.prediction, self.classifier.predict([self.data.samples[n]])[0])
            for path in found.paths:
                cost = sum(path.costs[step, frame] for step, frame in path.cells)
                self.assertAlmostEqual(cost / path.distance, 1, places=5)
                self.assertAlmostEqual(path.step_costs.sum() / path.distance, 1, places=5)

    def test_pictures_are_saved_under_the_name_of_what_they_are(self):
        found = self.classifier.align(self.data.samples[0])
        for name in ("alignment.svg", "ALIGNMENT.SVG"):
            found.save(self.folder / name)
            self.assertEqual((self.folder / name).read_text(encoding="utf-8"), found.svg)
        for name in ("alignment.png", "alignment.svg.pdf", "alignment"):
            with self.assertRaisesRegex(ValueError, f"{name}: .* ends in .svg"):
                found.save(str(self.folder / name))
            self.assertFalse((self.folder / name).exists())


class Guest(unittest.TestCase):
    """What it must not do, and what it needs."""

    def setUp(self):
        self.data = support.make_set(classes=3, validation_per_class=0)

    def fitted(self, **parameters):
        return dejavid.DejaVidClassifier(**{"epochs": 2, **parameters}).fit(self.data.samples, self.data.labels)

    def test_defaults_are_those_of_series(self):
        settings = tomllib.loads(SERIES.read_text())
        defaults = dejavid.DejaVidClassifier().get_params()
        names = {key: name for name, key in KEYS.items()}
        for section, keys in settings.items():
            for key, value in keys.items():
                self.assertEqual(defaults[names[f"{section}.{key}"]], value, f"{section}.{key}")
        # The others are the program's defaults.
        default = tomllib.loads(dejavid._core.configuration([]))
        for name, key in KEYS.items():
            section, key = key.split(".")
            if key not in settings.get(section, {}):
                self.assertEqual(defaults[name], default[section][key], name)

    def test_configurations_by_name(self):
        classifier = dejavid.DejaVidClassifier.from_config("series", lr=0.02)
        self.assertEqual(classifier.get_params(), dejavid.DejaVidClassifier(lr=0.02).get_params())
        self.assertEqual(dejavid.DejaVidClassifier.from_config("hmdb51").steps, 8)
        for name in ("k400", "ssv2", "order", "series-2025"):
            dejavid.DejaVidClassifier.from_config(name)
        with self.assertRaisesRegex(ValueError, "did you mean series"):
            dejavid.DejaVidClassifier.from_config("seriez")

    def test_one_set_of_parameters_in_both_classes(self):
        try:
            import dejavid.aeon
        except ImportError:
            self.skipTest("found no aeon; run launch/install.sh --python")
        ours, theirs = dejavid.DejaVidClassifier().get_params(), dejavid.aeon.DejaVidClassifier().get_params()
        self.assertEqual({**ours, "n_jobs": 1}, theirs)

    def test_every_way_to_give_samples(self):
        generator = np.random.default_rng(0)
        cube = generator.normal(size=(12, 9, 2))
        y = [0, 1] * 6
        fit = lambda X: dejavid.DejaVidClassifier(epochs=2).fit(X, y).predict_proba(X)  # noqa: E731
        np.testing.assert_array_equal(fit(cube), fit(list(cube)))
        np.testing.assert_array_equal(fit(cube), fit(cube.tolist()))
        table = cube[:, :, 0]
        np.testing.assert_array_equal(fit(table), fit(table[:, :, None]))
        np.testing.assert_array_equal(fit(table), fit(table.tolist()))
        ragged = [row[: 5 + n % 4] for n, row in enumerate(table)]
        np.testing.assert_array_equal(fit(ragged), fit([row[:, None] for row in ragged]))
        objects = np.empty(len(ragged), dtype=object)
        objects[:] = ragged
        np.testing.assert_array_equal(fit(ragged), fit(objects))

    def test_bad_input_names_its_sample(self):
        samples, labels = self.data.samples, self.data.labels
        changed = lambda n, sample: [*samples[:n], sample, *samples[n + 1 :]]  # noqa: E731
        cases = [
            (changed(3, np.where(np.arange(7) == 5, np.nan, samples[3])), labels, r"X\[3\]: found NaN at step 0, feature 5"),
            (changed(3, samples[3] * np.inf), labels, r"X\[3\]: found (NaN|infinity) at step 0"),
            (changed(4, samples[4] * 1e20), labels, r"X\[4\]: found .* expected at most 1e\+15"),
            (changed(4, samples[4][:, :6]), labels, r"X\[4\]: found 6 features; expected 7"),
            (changed(5, samples[5][:0]), labels, r"X\[5\]: found shape 0 x 7"),
            (changed(5, samples[5] * 1j), labels, r"X\[5\]: Complex data"),
            (changed(5, [["a"] * 7]), labels, r"X\[5\]: found numbers of type"),
            (changed(5, [[1, 2], [3]]), labels, r"X\[5\]: found steps of different lengths"),
            (samples, labels[:-1], "y: found 23 labels; expected 24"),
            (samples, np.zeros(24, int), "only one class"),
            (samples, np.zeros((24, 2), int), "y should be a 1d array"),
            (samples, labels + 0.5, "continuous"),
        ]
        for X, y, message in cases:
            with self.assertRaisesRegex(ValueError, message):
                dejavid.DejaVidClassifier(epochs=1).fit(X, y)
        for parameters, message in [
            ({"lr": -1.0}, "^lr: found -1.0"),
            ({"steps": "many"}, '^steps: found "many"'),
            ({"n_jobs": 0}, "^n_jobs: found 0"),
            ({"random_state": -1}, "^random_state: found -1"),
            ({"batch_size": 2**70}, "^batch_size: found a number beyond 64 bits"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                self.fitted(**parameters)
        with self.assertRaisesRegex(ValueError, r"X\[0\]: found 6 features; expected 7"):
            self.fitted().predict([sample[:, :6] for sample in samples])
        with self.assertRaisesRegex(ValueError, "y: found 9; expected one of the 3 classes"):
            self.fitted().align(samples[0], 9)
        two = dejavid.DejaVidClassifier(epochs=1, logit_norm="layernorm")
        with self.assertRaisesRegex(ValueError, "logit_norm"):
            two.fit(samples, labels % 2)

    def test_pickle_keeps_everything(self):
        classifier = self.fitted()
        again = pickle.loads(pickle.dumps(classifier))
        np.testing.assert_array_equal(again.predict_proba(self.data.samples), classifier.predict_proba(self.data.samples))
        self.assertEqual(again.classes_.dtype, classifier.classes_.dtype)
        self.assertEqual(again.align(self.data.samples[0]).svg, classifier.align(self.data.samples[0]).svg)

    def test_silent_unless_asked(self):
        code = """
import numpy as np, dejavid
X = np.random.default_rng(0).normal(size=(12, 9, 2))
dejavid.DejaVidClassifier(epochs=2, verbose={}).fit(X, [0, 1] * 6).predict(X)
"""
        for verbose, lines in ((0, 0), (1, 2)):
            process = python(code.format(verbose))
            out, error = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out), (0, ""), error)
            self.assertEqual(sum(line.startswith("epoch ") for line in error.splitlines()), lines, error)
            self.assertEqual(error == "", verbose == 0)

    def test_control_c_raises_and_other_threads_run(self):
        code = COUNTING + """
import numpy as np, dejavid
X = np.random.default_rng(0).normal(size=(64, 200, 8))
def told(level, line):
    print(counted, line, flush=True)
import dejavid._estimator
dejavid._estimator.log = told
try:
    dejavid.DejaVidClassifier(epochs=1000000, verbose=1).fit(X, [0, 1] * 32)
except KeyboardInterrupt:
    print("interrupted")
print(dejavid.DejaVidClassifier(epochs=1).fit(X, [0, 1] * 32).predict(X[:1]).shape)
"""
        process = python(code)
        counts = []
        for line in process.stdout:
            if not line.split(" ", 1)[1].startswith("epoch "):
                continue
            counts.append(int(line.split()[0]))
            if len(counts) == 3:
                break
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, error)
        self.assertTrue(out.endswith("interrupted\n(1,)\n"), out)
        self.assertGreater(counts[-1], counts[0])

    def test_python_ends_while_a_daemon_thread_fits(self):
        code = """
import threading
import numpy as np, dejavid, dejavid._estimator
X = np.random.default_rng(0).normal(size=(64, 200, 8))
under_way = threading.Event()
dejavid._estimator.log = lambda level, line: under_way.set()
def fit():
    dejavid.DejaVidClassifier(epochs=1000000, verbose=1).fit(X, [0, 1] * 32)
threading.Thread(target=fit, daemon=True).start()
under_way.wait()
{}
print("ends")
"""
        forks = "import os\nchild = os.fork()\nif child:\n    print(os.waitpid(child, 0)[1], flush=True)"  # no thread fits in the child
        for more, said in (("", "ends\n"), (forks, "ends\n0\nends\n")):
            process = python(code.format(more))
            self.assertEqual((*process.communicate(timeout=120), process.returncode), (said, "", 0))

    def test_an_error_of_the_log_ends_the_fit(self):
        from unittest import mock

        def fails(level, line):
            raise OSError("closed")

        with mock.patch("dejavid._estimator.log", fails), self.assertRaisesRegex(OSError, "closed"):
            self.fitted(verbose=1)

    def test_without_h5py_only_files_are_missing(self):
        code = """
import sys
sys.modules["h5py"] = None
import numpy as np, dejavid
X = np.random.default_rng(0).normal(size=(12, 9, 2))
classifier = dejavid.DejaVidClassifier(epochs=2).fit(X, [0, 1] * 6)
try:
    classifier.to_file("x.h5")
except ImportError as error:
    print(error)
"""
        process = python(code)
        out, error = process.communicate(timeout=60)
        self.assertEqual(out, "model files: found no h5py; expected it for from_file and to_file; pip install h5py\n", error)

    def test_names_are_loaded_where_they_are_asked_for(self):
        told = "for name in ('DejaVidClassifier', 'PerStep', 'LRProp'):\n    try:\n        getattr(dejavid, name)\n    except ImportError as error:\n        print(error)"
        lines = "".join(f"dejavid.{name}: found no scikit-learn; expected it; pip install scikit-learn\n" for name in ("DejaVidClassifier", "PerStep", "LRProp"))
        names = "print({'Alignment', 'DejaVidClassifier', 'Path', 'PerStep', 'VideoAlignment'} <= set(dir(dejavid)), hasattr(dejavid, 'Classifier'))"
        for code, expected in (
            ("import dejavid\nprint([name for name in ('numpy', 'sklearn', 'torch') if name in sys.modules])", "[]\n"),
            ("sys.modules['sklearn'] = None\nimport dejavid\n" + told, lines),
            ("import dejavid\n" + names, "True False\n"),
            ("from dejavid import *\nprint(DejaVidClassifier.__module__, Alignment.__name__, Path.__name__, VideoAlignment.__name__)",
             "dejavid._classifier Alignment Path VideoAlignment\n"),
            ("import dejavid\nsys.modules['dejavid._core'] = None\ntry:\n    dejavid.DejaVidClassifier\nexcept ImportError as error:\n    print('_core' in str(error))",
             "True\n"),  # what is not somebody else's package is told as Python tells it
        ):
            process = python(code)
            out, error = process.communicate(timeout=60)
            self.assertEqual((out, process.returncode), (expected, 0), error)

    def test_the_module_needs_little_and_cannot_end_the_process(self):
        (module,) = BUILT.glob("dejavid/_core*.so")
        run = lambda *words: subprocess.run([*words, module], check=True, capture_output=True, text=True).stdout  # noqa: E731
        needed = [line.split("[")[1].split("]")[0] for line in run("readelf", "-dW").splitlines() if "(NEEDED)" in line]
        allowed = ("libfmt.", "libtomlplusplus.", "libxxhash.", "libstdc++.", "libm.", "libgcc_s.", "libc.", "ld-linux")
        self.assertEqual([name for name in needed if not name.startswith(allowed)], [])
        undefined = [line.split()[-1].split("@")[0] for line in run("nm", "-D", "--undefined-only").splitlines()]
        ends = [name for name in undefined if name in ("_exit", "_Exit", "exit", "quick_exit")]
        foreign = [name for name in undefined if name.startswith(("MPI_", "ompi_", "H5", "_ZN2at", "_ZN3c10", "_ZN5torch"))]
        self.assertEqual((ends, foreign), ([], []))
        # What is undefined is Python's, or of the libraries above.
        ours = [name for name in undefined if "alignment" in name]
        self.assertEqual(ours, [])

    def test_beside_torch_free_libraries_in_both_orders(self):
        for order in ("import h5py, dejavid", "import dejavid, h5py"):
            process = python(f"{order}\nimport numpy as np\nX = np.random.default_rng(0).normal(size=(8, 5, 2))\n"
                             "dejavid.DejaVidClassifier(epochs=1).fit(X, [0, 1] * 4)\n"
                             "h5py.File('x', 'w', driver='core', backing_store=False)['a'] = 1")
            out, error = process.communicate(timeout=60)
            self.assertEqual((process.returncode, out, error), (0, "", ""))


class WhatABreakerFound(unittest.TestCase):
    X = np.random.default_rng(0).normal(size=(12, 9, 2))

    def test_a_fit_that_fails_changes_nothing(self):
        classifier = dejavid.DejaVidClassifier(epochs=1).fit(self.X, ["cat", "dog"] * 6)
        expected = classifier.predict(self.X)
        with self.assertRaises(ValueError):
            classifier.set_params(lr=-1).fit(self.X[:, :, :1], ["zebra", "ant"] * 6)
        np.testing.assert_array_equal(classifier.predict(self.X), expected)
        self.assertEqual(classifier.n_features_in_, 2)
        fresh = dejavid.DejaVidClassifier(lr=-1)
        with self.assertRaises(ValueError):
            fresh.fit(self.X, [0, 1] * 6)
        with self.assertRaises(NotFittedError):
            fresh.predict(self.X)

    def test_files_are_written_where_a_file_may_be(self):
        classifier = dejavid.DejaVidClassifier(epochs=1).fit(self.X, [0, 1] * 6)
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            pipe, link, target = folder / "pipe", folder / "link.h5", folder / "target.h5"
            os.mkfifo(pipe)
            with self.assertRaisesRegex(ValueError, "no regular file"):
                classifier.to_file(pipe)
            with self.assertRaisesRegex(FileNotFoundError, "found no folder"):
                classifier.to_file(folder / "none" / "model.h5")
            target.write_bytes(b"")
            link.symlink_to(target)
            classifier.to_file(os.fsencode(link))
            self.assertTrue(link.is_symlink())
            self.assertEqual(len(dejavid.DejaVidClassifier.from_file(target).classes_), 2)

    def test_messages(self):
        for X, words in ((np.full((12, 9, 2), 1e300), r"X\[0\]: found 1e\+300 .* float32 holds"),):
            with self.assertRaisesRegex(ValueError, words):
                dejavid.DejaVidClassifier().fit(X, [0, 1] * 6)
        with self.assertRaisesRegex(ValueError, "n_jobs: found 2147483648"):
            dejavid.DejaVidClassifier(n_jobs=2**31).fit(self.X, [0, 1] * 6)


class PerStep(unittest.TestCase):
    """A transformer of rows, applied to steps."""

    samples = [np.random.default_rng(n).normal(size=(5 + n % 4, 3)) * [1, 100, 1e-3] + [0, 7, 1e5] for n in range(12)]

    def test_steps_are_rows_of_the_transformer(self):
        rows = np.concatenate(self.samples)
        for X in (self.samples, np.stack([sample[:5] for sample in self.samples])):
            steps = np.concatenate(list(X))
            found = dejavid.PerStep(StandardScaler()).fit(X).transform(X)
            self.assertEqual([sample.shape for sample in found], [sample.shape for sample in X])
            np.testing.assert_array_equal(np.concatenate(list(found)), StandardScaler().fit_transform(steps))
            self.assertIs(type(found), type(X))
        fitted = dejavid.PerStep(PCA(2)).fit(self.samples)
        one = fitted.transform(self.samples[3:4])
        np.testing.assert_allclose(one[0], PCA(2).fit(rows).transform(self.samples[3]))
        self.assertEqual((len(one), fitted.n_features_in_), (1, 3))

    def test_float64_until_it_is_scaled(self):
        found = np.concatenate(dejavid.PerStep(StandardScaler()).fit_transform(self.samples))
        np.testing.assert_allclose(found.std(0), 1)  # 1e5 + 1e-3 is 1e5 in float32
        with self.assertRaisesRegex(ValueError, r"X\[0\]: found 1e\+300 .* float32 holds"):
            dejavid.DejaVidClassifier().fit([[[1e300]]] * 2, [0, 1])
        dejavid.PerStep(StandardScaler()).fit([[[1e100]], [[2e100]]])

    def test_tables_are_series_of_one_feature(self):
        table = np.random.default_rng(0).normal(size=(6, 9))
        found = dejavid.PerStep(StandardScaler()).fit_transform(table)
        self.assertEqual(found.shape, (6, 9, 1))
        np.testing.assert_allclose(found[:, :, 0], (table - table.mean()) / table.std())
        np.testing.assert_array_equal(dejavid.PerStep(StandardScaler()).fit_transform([row[:, None] for row in table]), found)

        ragged = [row[: 5 + n % 3] for n, row in enumerate(table)]
        of_ragged = dejavid.PerStep(StandardScaler()).fit(ragged)
        alike = of_ragged.transform([ragged[0], ragged[3]])  # a table as it were
        self.assertEqual([sample.shape for sample in alike], [(5, 1), (5, 1)])
        np.testing.assert_array_equal(alike[1], of_ragged.transform(ragged)[3])
        objects = np.empty(len(ragged), dtype=object)
        objects[:] = ragged
        np.testing.assert_array_equal(np.concatenate(of_ragged.transform(objects)), np.concatenate(of_ragged.transform(ragged)))

    def test_a_step_has_its_samples_label(self):
        class Told(TransformerMixin, BaseEstimator):
            def fit(self, X, y=None):
                self.y_ = y
                return self

            def transform(self, X):
                return X

        fitted = dejavid.PerStep(Told()).fit(self.samples[:2], ["a", "b"])
        self.assertEqual(fitted.transformer_.y_.tolist(), ["a"] * 5 + ["b"] * 6)
        self.assertIsNone(dejavid.PerStep(Told()).fit(self.samples).transformer_.y_)

    def test_conventions(self):
        given = dejavid.PerStep(PCA(2))
        again = clone(given).set_params(transformer__n_components=1)
        self.assertEqual((given.transformer.n_components, again.transformer.n_components), (2, 1))
        again.fit(self.samples)
        self.assertFalse(hasattr(again.transformer, "components_"))
        with self.assertRaises(NotFittedError):
            given.transform(self.samples)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).transform(self.samples)[0], again.transform(self.samples)[0])
        for X, y, words in (
            ([], None, "Expected 2D array"),
            (np.empty((0, 3, 2)), None, "X: found no sample"),
            (self.samples, [0], r"y: found shape \(1,\); expected 12 labels"),
            ([*self.samples, [[np.nan] * 3]], None, r"X\[12\]: found NaN"),
            ([*self.samples, [[1.0]]], None, r"X\[12\]: found 1 features; expected 3"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                dejavid.PerStep(StandardScaler()).fit(X, y)
        with self.assertRaisesRegex(ValueError, r"X\[0\]: found 1 features; expected 3"):
            again.transform([[[1.0]]])

    def test_in_a_pipeline(self):
        y = np.arange(12) % 2
        pipeline = make_pipeline(dejavid.PerStep(StandardScaler()), dejavid.DejaVidClassifier(epochs=2))
        scaled = dejavid.PerStep(StandardScaler()).fit_transform(self.samples)
        expected = dejavid.DejaVidClassifier(epochs=2).fit(scaled, y).predict_proba(scaled)
        np.testing.assert_array_equal(pipeline.fit(self.samples, y).predict_proba(self.samples), expected)
        alignment = pipeline[-1].align(pipeline[:-1].transform([self.samples[0]])[0])
        self.assertEqual(alignment.prediction, pipeline.predict(self.samples)[0])


class Document(unittest.TestCase):
    def test_the_page_shows_what_happens(self):
        check_page(self, "README.md")


if __name__ == "__main__":
    unittest.main()
