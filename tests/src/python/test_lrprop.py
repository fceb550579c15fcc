"""dejavid.LRProp beside lrprop_dist, and what it must not do to the torch of its process."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import tomllib
import unittest
import warnings
from pathlib import Path
from unittest import mock

from package import BUILT, COUNTING, SOURCE, check_page, python  # first: it says where the others are

import h5py  # noqa: E402
import lrprop_support  # noqa: E402
import numpy as np  # noqa: E402
import support  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from support import options  # noqa: E402

import dejavid  # noqa: E402

try:
    import torch
    from dejavid import LRProp
    from dejavid._embedder import KEYS
except ImportError as error:
    raise unittest.SkipTest(str(error)) from None

PENN_ACTION = SOURCE.parent / "shared" / "data" / "penn_action_joints.h5"
HANGS = 300  #: seconds after which a process is taken to hang, on a busy machine too
TINY = {"fc_width": 16, "hidden": 16, "heads": 2, "ff_width": 24, "layers": 2, "embedding": 8, "frames": 12}


def given(parameters):
    """Parameters as the program's options."""
    return options(**{KEYS[name].replace(".", "__"): value for name, value in parameters.items()})


def train(store, run_dir, parameters):
    finished = support.run(
        ["lrprop_dist", "train", *options(data__store=store, run__dir=run_dir, run__progress="off"), *given(parameters)]
    )
    assert finished.code == 0, finished
    return Path(run_dir) / "model.h5"


class BesideTheProgram(lrprop_support.LrpropTest):
    """Training on the same videos as lrprop_dist."""

    parameters = {**TINY, "epochs": 3, "standardize": True, "pairs_per_step": 2, "frames_per_pass": 9}

    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory(prefix="dejavid-")
        cls.addClassCleanup(cls.kept.cleanup)
        kept = Path(cls.kept.name)
        cls.videos = lrprop_support.make_videos(seed=3, classes=2, per_class=5, validation_per_class=0)
        cls.videos.frame_labels = cls.videos.timestamps = None  # which Python is not told
        cls.store = lrprop_support.write_store(kept / "set.h5", cls.videos)
        cls.model = train(cls.store, kept / "run", cls.parameters)
        cls.embedder = LRProp(**cls.parameters).fit(cls.videos.samples, cls.videos.labels)

    def assert_has_bits_of(self, file, embedder):
        weights = lrprop_support.read_weights(file)
        self.assertEqual(sorted(embedder.weights_), sorted(weights))
        for name, found in embedder.weights_.items():
            np.testing.assert_array_equal(found, weights[name], name)

    def test_fit_gives_the_bits_of_the_program(self):
        self.assert_has_bits_of(self.model, self.embedder)
        with h5py.File(self.model) as model:
            np.testing.assert_array_equal(self.embedder.feature_mean_, model["feature_mean"])
            np.testing.assert_array_equal(self.embedder.feature_scale_, model["feature_scale"])
            config = tomllib.loads(model.attrs["config"])
        ours = tomllib.loads(self.embedder.config_)
        for section in ("model", "loss", "train", "eval"):
            self.assertEqual(ours[section], config[section])
        self.assertEqual(ours["data"]["standardize"], config["data"]["standardize"])

    def test_defaults_on_real_videos(self):
        if not PENN_ACTION.exists():
            self.skipTest(f"found no {PENN_ACTION}")
        with h5py.File(PENN_ACTION) as store:
            labels, offsets = store["labels"][()], store["offsets"][()]
            chosen = [n for action in (3, 8) for n in np.flatnonzero(labels == action)[:4]]
            videos = [store["features"][offsets[n] : offsets[n + 1]].astype(np.float32) for n in chosen]
        actions = np.repeat([0, 1], 4).astype(np.int32)
        splits = np.full(len(videos), support.TRAIN, dtype=np.uint8)
        store = support.write_store(self.folder / "penn.h5", support.TseSet(videos, actions, splits, 2))
        self.assert_has_bits_of(
            train(store, self.folder / "run", {"epochs": 1}), LRProp(epochs=1).fit(videos, actions)
        )

    def test_threads_change_nothing(self):
        again = clone(self.embedder).set_params(n_jobs=2).fit(self.videos.samples, self.videos.labels)
        for name, array in again.weights_.items():
            np.testing.assert_array_equal(array, self.embedder.weights_[name], name)
        for one, other in zip(again.transform(self.videos.samples), self.embedder.transform(self.videos.samples)):
            np.testing.assert_array_equal(one, other)

    def test_without_actions_all_videos_are_of_one(self):
        one = [video for video, label in zip(self.videos.samples, self.videos.labels) if label == 1]
        embedder = LRProp(**self.parameters)
        expected = embedder.fit_transform(one, ["wave"] * len(one))
        for found, each in zip(embedder.fit_transform(one), expected):
            np.testing.assert_array_equal(found, each)

    def test_transform_gives_the_bits_of_the_program(self):
        out = self.embed("embeddings", self.model, self.store, eval__frames_per_pass=9)
        found = self.embedder.transform(self.videos.samples)
        self.assertEqual([len(rows) for rows in found], [len(video) for video in self.videos.samples])
        np.testing.assert_array_equal(np.concatenate(found), support.read_arrays(out)["features"])
        whole = self.embedder.set_params(frames_per_pass=0).transform(self.videos.samples)
        self.embedder.set_params(frames_per_pass=9)
        self.assertFalse(np.array_equal(np.concatenate(whole), np.concatenate(found)))

    def test_align_draws_what_the_program_draws(self):
        words = options(model__init=self.model, data__store=self.store, eval__frames_per_pass=9)
        out = self.folder / "aligned"
        self.succeed(["lrprop_dist", "align", *words, "--query", "sample_2", "--with", "sample_4", "--out", out])
        a, b = self.videos.samples[2], self.videos.samples[4]
        found = self.embedder.align(a, b, name="sample_2", other_name="sample_4")
        self.assertEqual(found.svg, (out / "align-sample_4.svg").read_text())
        self.assertEqual(found._repr_svg_(), found.svg)
        told = support.json.loads((out / "align-sample_4.json").read_text())
        self.assertEqual(found.cells.tolist(), told["path"])
        self.assertEqual(found.cost, told["cost"])
        self.assertEqual(found.frames_of_b.tolist(), told["frame_of_other"])
        self.assertEqual(found.distances.shape, (len(a), len(b)))
        self.assertAlmostEqual(found.distances[tuple(found.cells.T)].sum(), found.cost, places=9)
        back = self.embedder.align(b, a)
        np.testing.assert_array_equal(back.distances, found.distances.T)
        self.assertEqual(len(found.frames_of_a), len(b))

    def test_model_files_go_both_ways(self):
        expected = self.embedder.transform(self.videos.samples)
        from_program = LRProp.from_file(self.model).set_params(frames_per_pass=9)
        self.embedder.to_file(self.folder / "ours.h5")
        again = LRProp.from_file(self.folder / "ours.h5").set_params(frames_per_pass=9)
        for embedder in (from_program, again, pickle.loads(pickle.dumps(self.embedder))):
            for found, each in zip(embedder.transform(self.videos.samples), expected, strict=True):
                np.testing.assert_array_equal(found, each)
        out = self.embed("by_program", self.folder / "ours.h5", self.store, eval__frames_per_pass=9)
        np.testing.assert_array_equal(np.concatenate(expected), support.read_arrays(out)["features"])

    def test_damaged_model_files_are_refused(self):
        def changed(name, change):
            self.embedder.to_file(self.folder / name)
            with h5py.File(self.folder / name, "r+") as model:
                change(model)
            return self.folder / name

        def remove(model):
            del model["weights/out.weight"]

        def other_shape(model):
            model.attrs["embedding"] = 9

        def other_number(model):
            model["weights/out.weight"][0, 0] += 1

        def no_number(model):
            model["weights/out.weight"][0, 0] = np.nan

        for change, message in [
            (other_number, "found content of digest"),
            (no_number, "weights/out.weight: found nan"),
            (remove, "found no out.weight"),
            (other_shape, r"found shape \[8,16\]; expected \[9,16\]"),
        ]:
            with self.assertRaisesRegex(ValueError, f"{change.__name__}.h5: .*{message}"):
                LRProp.from_file(changed(f"{change.__name__}.h5", change))
        with self.assertRaisesRegex(ValueError, "found a checkpoint"):
            LRProp.from_file(next((self.model.parent / "checkpoints").iterdir()))
        with self.assertRaisesRegex(ValueError, 'expected "dejavid-model"'):
            dejavid.DejaVidClassifier.from_file(self.model)


class Guest(unittest.TestCase):
    """What it must not do, and what it needs."""

    def setUp(self):
        self.videos = lrprop_support.make_videos(seed=4, per_class=6, validation_per_class=0).samples

    def fitted(self, **parameters):
        return LRProp(**{**TINY, "epochs": 2, **parameters}).fit(self.videos)

    def test_defaults_are_those_of_the_program(self):
        from dejavid._with_torch import lrprop

        default = tomllib.loads(lrprop.configuration([]))
        parameters = LRProp().get_params()
        self.assertEqual(set(parameters), {*KEYS, "random_state", "n_jobs", "verbose"})
        said_otherwise = {"epochs": (-1, 400), "pairs_per_step": (0, 1)}  # what these come to on one rank
        for name, key in KEYS.items():
            section, key = key.split(".")
            self.assertEqual((default[section][key], parameters[name]),
                             said_otherwise.get(name, (default[section][key],) * 2), name)

    def test_configurations_by_name_and_file(self):
        embedder = LRProp.from_config("clips", epochs=3, n_jobs=2)
        file = Path(SOURCE) / "configs" / "lrprop" / "clips.toml"
        expected = LRProp().get_params() | {"n_jobs": 2}
        names = {key: name for name, key in KEYS.items()}
        for section, keys in tomllib.loads(file.read_text()).items():
            expected |= {names[f"{section}.{key}"]: value for key, value in keys.items()}
        self.assertEqual(embedder.get_params(), expected | {"epochs": 3})
        self.assertEqual(LRProp.from_config(file).get_params(), expected | {"n_jobs": None})
        self.assertEqual((LRProp.from_config("paper").epochs, LRProp.from_config("paper").sdtw_reduction), (300, "sum"))
        for name in ("carl", "utkinect", "penn_squat"):
            LRProp.from_config(name)
        for config, words in (("clip", "did you mean clips?"), (self.write("a.toml", "[train]\nseed = 3\nplan = 'p.csv'"), "train.plan"), (self.write("b.toml", "[train]\nlr = -1"), "train.lr")):
            with self.assertRaisesRegex(ValueError, re.escape(words)):
                LRProp.from_config(config)
        self.assertEqual(LRProp.from_config(self.write("c.toml", "[train]\nseed = 3\n[run]\ndir = 'x'")).random_state, 3)

    def write(self, name, text):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / name).write_text(text)
        return folder / name

    def test_conventions(self):
        embedder = LRProp(epochs=7)
        with self.assertRaises(NotFittedError):
            embedder.transform(self.videos)
        with self.assertRaises(NotFittedError):
            embedder.align(*self.videos[:2])
        self.assertEqual(clone(embedder).get_params(), embedder.get_params())
        fitted = self.fitted()
        self.assertEqual(fitted.n_features_in_, 5)
        self.assertEqual(fitted.transform(self.videos)[0].dtype, np.float32)
        self.assertFalse(hasattr(clone(fitted), "weights_"))
        cube = np.random.default_rng(0).normal(size=(4, 9, 2))
        as_cube, as_list = (LRProp(**TINY, epochs=1).fit_transform(X) for X in (cube, cube.tolist()))
        np.testing.assert_array_equal(as_cube, as_list)
        seeds = [self.fitted(random_state=seed).weights_["out.weight"] for seed in (1, 1, 2)]
        np.testing.assert_array_equal(seeds[0], seeds[1])
        self.assertFalse(np.array_equal(seeds[0], seeds[2]))

    def test_bad_input_names_its_video(self):
        videos = self.videos
        changed = lambda n, video: [*videos[:n], video, *videos[n + 1 :]]  # noqa: E731
        not_a_number = videos[3].copy()
        not_a_number[0, 4] = np.nan
        for X, y, message in [
            (changed(3, not_a_number), None, r"X\[3\]: found NaN at step 0, feature 4"),
            (changed(4, videos[4] * 1e20), None, r"X\[4\]: found .* expected at most 1e\+15"),
            (changed(4, videos[4][:, :3]), None, r"X\[4\]: found 3 features; expected 5"),
            (changed(5, videos[5][:1]), None, r"X\[5\]: found a video of one frame"),
            (changed(5, videos[5][:0]), None, r"X\[5\]: found shape 0 x 5"),
            (changed(5, [["a"] * 5]), None, r"X\[5\]: found numbers of type"),
            (videos[0], None, "X: found an array of 2 dimensions"),
            ([], None, "X: found no video"),
            (videos[:1], None, "X: found 1 videos, no two of one action"),
            (videos, range(6), "X: found 6 videos, no two of one action"),
            (videos, [0] * 5, "y: found 5 actions; expected 6"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                LRProp(**TINY, epochs=1).fit(X, y)
        for parameters, message in [
            ({"lr": -1.0}, "^lr: found -1.0"),
            ({"sampler": "all"}, '^sampler: found "all"'),
            ({"heads": 3}, "heads: found 3 with model.hidden = 16"),
            ({"n_jobs": 0}, "^n_jobs: found 0"),
            ({"random_state": -1}, "^random_state: found -1"),
            ({"layers": 2**70}, "^layers: found a number beyond 64 bits"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                self.fitted(**parameters)
        fitted = self.fitted()
        with self.assertRaisesRegex(ValueError, r"X\[0\]: found 4 features; expected 5"):
            fitted.transform([video[:, :4] for video in videos])
        with self.assertRaisesRegex(ValueError, r"X\[1\]: found 4 features; expected 5"):
            fitted.align(videos[0], videos[1][:, :4])
        with self.assertRaisesRegex(ValueError, "^frames_per_pass: found -1"):
            fitted.set_params(frames_per_pass=-1).transform(videos)

    def test_torch_is_left_as_it_was(self):
        expected = self.fitted(n_jobs=2)
        rows = expected.transform(self.videos)

        def state():
            return (
                torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(),
                torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"), torch.get_rng_state().tolist(),
                torch.backends.mkldnn.matmul.fp32_precision, torch.backends.cuda.matmul.fp32_precision,
            )

        def check():
            before = state()
            again = self.fitted(n_jobs=2)
            self.assertEqual(state(), before)
            for name, array in again.weights_.items():
                np.testing.assert_array_equal(array, expected.weights_[name], name)
            np.testing.assert_array_equal(np.concatenate(again.transform(self.videos)), np.concatenate(rows))
            self.assertEqual(state(), before)

        threads = torch.get_num_threads()
        self.addCleanup(torch.set_num_threads, threads)
        self.addCleanup(torch.set_default_dtype, torch.float32)
        for changed in (3, 1, 2):
            torch.set_num_threads(changed)
            check()
            of_new_thread = []
            thread = threading.Thread(target=lambda: of_new_thread.append(torch.get_num_threads()))
            thread.start()
            thread.join()
            self.assertEqual(of_new_thread, [changed])
        torch.set_default_dtype(torch.float64)
        check()
        torch.set_default_dtype(torch.float32)
        self.addCleanup(torch.set_float32_matmul_precision, "highest")
        for precision in ("medium", "high", "highest"):  # the first changes products where processors have bf16
            torch.set_float32_matmul_precision(precision)
            check()
            self.assertEqual(torch.get_float32_matmul_precision(), precision)
        # By the newer switches, after which torch does not answer by the older one.
        for switch in (torch.backends.mkldnn.matmul, torch.backends.cuda.matmul, torch.backends):
            before = switch.fp32_precision
            for precision in ("bf16", "tf32") if switch is torch.backends.mkldnn.matmul else ("tf32",):
                switch.fp32_precision = precision
                check()
            switch.fp32_precision = before
        for mode in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16)):
            with mode:
                check()
        with self.assertRaises(ValueError):  # where it fails, too
            LRProp(**TINY, epochs=1).fit([video * 1e20 for video in self.videos])
        self.assertEqual(torch.get_num_threads(), 2)

    def test_threads_that_begin_meanwhile_have_the_number_that_was_set(self):
        torch.set_num_threads(2)
        found = []

        def begin_thread(level, line):
            thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
            thread.start()
            thread.join()

        with mock.patch("dejavid._estimator.log", begin_thread):
            self.fitted(verbose=1, n_jobs=2)
        self.assertEqual(found, [2, 2])

    def test_other_threads_may_use_torch_meanwhile(self):
        torch.set_num_threads(2)
        expected = self.fitted().weights_
        found, wrong = [], []
        done = threading.Event()

        x = torch.arange(6.0, requires_grad=True)

        def check_gradient():
            (gradient,) = torch.autograd.grad((x * x).sum(), x)
            if not torch.equal(gradient, 2 * x.detach()) or torch.get_num_threads() != 2:
                wrong.append((gradient, torch.get_num_threads()))

        def gradients():
            while not done.is_set():
                check_gradient()
                new = threading.Thread(target=check_gradient)
                new.start()
                new.join()

        fits = [threading.Thread(target=lambda: found.append(self.fitted(n_jobs=2).weights_)) for _ in range(3)]
        beside = threading.Thread(target=gradients)
        for thread in (beside, *fits):
            thread.start()
        for thread in fits:
            thread.join()
        done.set()
        beside.join()
        self.assertEqual((len(found), wrong, torch.get_num_threads()), (3, [], 2))
        for weights in found:
            for name, array in weights.items():
                np.testing.assert_array_equal(array, expected[name], name)

    def test_a_forked_process_can_train(self):
        expected = self.fitted(n_jobs=2).weights_["out.weight"]
        reads, writes = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of a fork beside threads
            child = os.fork()
        if child == 0:
            status = 1
            signal.alarm(HANGS)
            try:
                os.write(writes, self.fitted(n_jobs=2).weights_["out.weight"].tobytes())
                status = 0
            finally:
                os._exit(status)
        os.close(writes)
        with os.fdopen(reads, "rb") as stream:
            told = stream.read()
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(told, expected.tobytes())

    def test_silent_unless_asked(self):
        code = """
import numpy as np, dejavid
X = np.random.default_rng(0).normal(size=(4, 20, 6))
small = dict(epochs=2, hidden=16, heads=2, ff_width=32, layers=2, fc_width=32, embedding=8)
dejavid.LRProp(**small).fit(X).transform(X)
print("told", file=sys.stderr)
dejavid.LRProp(**small, verbose=1).fit(X).transform(X)
"""
        process = python(code)
        out, error = process.communicate(timeout=HANGS)
        self.assertEqual((process.returncode, out), (0, ""), error)
        self.assertEqual([line.split(" ")[0] for line in error.splitlines()], ["told", "epoch", "epoch"], error)

    def test_python_ends_while_a_daemon_thread_fits(self):
        code = """
import threading
import numpy as np, dejavid, dejavid._estimator
X = np.random.default_rng(0).normal(size=(8, 60, 8))
under_way = threading.Event()
dejavid._estimator.log = lambda level, line: under_way.set()
tiny = dict(hidden=8, heads=1, ff_width=8, layers=1, fc_width=8, embedding=4)
fit = dejavid.LRProp(**tiny, epochs=1000000, verbose=1, schedule="constant", lr=1e-6).fit
threading.Thread(target=fit, args=(X,), daemon=True).start()
under_way.wait()
"""
        process = python(code)
        self.assertEqual((*process.communicate(timeout=HANGS), process.returncode), ("", "", 0))

    def test_control_c_raises_and_other_threads_run(self):
        code = COUNTING + """
import numpy as np, dejavid
X = np.random.default_rng(0).normal(size=(8, 60, 8))
import dejavid._estimator
dejavid._estimator.log = lambda level, line: print(counted, line, flush=True)
tiny = dict(hidden=8, heads=1, ff_width=8, layers=1, fc_width=8, embedding=4)
try:
    dejavid.LRProp(**tiny, epochs=1000000, verbose=1, schedule="constant", lr=1e-6).fit(X)
except KeyboardInterrupt:
    print("interrupted")
print(dejavid.LRProp(**tiny, epochs=1).fit(X).transform(X[:1])[0].shape)
"""
        process = python(code)
        counts = []
        for line in process.stdout:
            if " epoch " in line:
                counts.append(int(line.split()[0]))
            if len(counts) == 9:
                break
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=HANGS)
        self.assertEqual(process.returncode, 0, error)
        self.assertTrue(out.endswith("interrupted\n(60, 4)\n"), out)
        self.assertGreater(counts[-1], counts[0])

    def test_what_is_missing_is_said(self):
        told = "try:\n    dejavid.LRProp\nexcept ImportError as error:\n    print(error)"
        without = 'import dejavid, sklearn.base\nsys.modules["torch"] = None\n' + told  # not before scipy, which looks at it
        other = (
            "import types, dejavid, sklearn.base\nfake = types.ModuleType('torch')\nfake.__version__ = '2.0.1+cpu'\n"
            "sys.modules['torch'] = fake\n" + told
        )
        unbuilt = "sys.modules['dejavid._built_with'] = None\nimport dejavid\n" + told
        series = ".".join(torch.__version__.split(".")[:2])
        for code, *words in [
            (without, "dejavid.LRProp: found no torch", f"expected torch {series}", f'pip install "torch=={series}.*"'),
            (other, "found torch 2.0.1+cpu", f"expected torch {series}, which", "or build dejavid again"),
            (unbuilt, "built where Python had no torch", "pip install --force-reinstall"),
            ('import dejavid\nprint("torch" in sys.modules, "LRProp" in dir(dejavid))', "False False"),
        ]:
            process = python(code)
            out, error = process.communicate(timeout=HANGS)
            self.assertEqual((process.returncode, error), (0, ""))
            self.assertEqual(len(out.splitlines()), 1, out)
            for word in words:
                self.assertIn(word, out)

    def test_the_module_needs_little_and_cannot_end_the_process(self):
        (module,) = BUILT.glob("dejavid/_lrprop*.so")
        run = lambda *words: subprocess.run([*words, module], check=True, capture_output=True, text=True).stdout  # noqa: E731
        dynamic = run("readelf", "-dW").splitlines()
        self.assertEqual([line for line in dynamic if "(RUNPATH)" in line or "(RPATH)" in line], [])
        needed = [line.split("[")[1].split("]")[0] for line in dynamic if "(NEEDED)" in line]
        allowed = ("libtorch_cpu.so", "libc10.so", "libfmt.", "libtomlplusplus.", "libxxhash.", "libstdc++.", "libm.",
                   "libgcc_s.", "libc.", "ld-linux")
        self.assertEqual([name for name in needed if not name.startswith(allowed)], [])
        undefined = [line.split()[-1].split("@")[0] for line in run("nm", "-D", "--undefined-only").splitlines()]
        ends = [name for name in undefined if name in ("_exit", "_Exit", "exit", "quick_exit", "mallopt")]
        foreign = [name for name in undefined if name.startswith(("MPI_", "ompi_", "H5", "cuda", "nccl", "svm_", "lbfgs"))]
        ours = [name for name in undefined if "alignment" in name]
        self.assertEqual((ends, foreign, ours), ([], [], []))


class Document(unittest.TestCase):
    def test_the_page_shows_what_happens(self):
        check_page(self, "docs/use/python.md")


if __name__ == "__main__":
    unittest.main()
