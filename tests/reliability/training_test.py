"""What the tests of faulty training runs share: runs of dejavid_dist_faulty, the program that users run with one fault that
DEJAVID_FAULT asks for, and what must be the same after them."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402

PLAIN, FAULTY = "dejavid_dist", "../tests/dejavid_dist_faulty"
RANKS = 3
RUN = "training"  # not "run": paths of the system have that too
STEPS = 12  # 40 samples in batches of 16, 4 epochs
TIMEOUT = 10  # seconds of dist.timeout_s where a rank is to be missed
SETTINGS = dict(
    model__steps=4,
    train__epochs=4,
    train__batch_size=16,
    train__lr=0.02,
    train__seed=3,
    run__checkpoint_every_steps=2,
    run__checkpoint_keep=3,
    run__resume="auto",
    run__progress="off",
)


class TrainingTest(support.ProgramTest):
    """Every run has a folder of its own and calls its store set.h5 and its run directory run: what is written may be
    compared byte for byte."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tse_set = support.make_set(17)
        cls.straight = {}

    def place(self, name):
        folder = self.folder / name
        folder.mkdir()
        support.write_store(folder / "set.h5", self.tse_set)
        return folder

    def start_training(self, folder, ranks=RANKS, fault=None, path=None, program=FAULTY, **settings):
        extra = {} if fault is None else {"DEJAVID_FAULT": fault}
        extra.update({} if path is None else {"DEJAVID_FAULT_PATH": path})
        if fault is not None and not fault.endswith(("term", "usr2")):
            extra["OMPI_MCA_odls_base_sigkill_timeout"] = "0"  # mpirun need not wait for ranks that will not listen
        settings = {**SETTINGS, **settings}
        arguments = [program, "train", *support.options(data__store="set.h5", run__dir=RUN, **settings)]
        return support.start(arguments, ranks, cwd=folder, environment=extra)

    def train_in(self, folder, ranks=RANKS, fault=None, path=None, code=0, **settings):
        finished = support.finish(self.start_training(folder, ranks, fault, path, **settings))
        if code is not None:
            self.assertEqual(finished.code, code, finished)
        return finished

    def unbroken(self, ranks=RANKS, **settings):
        """The folder of an undisturbed run, made once a test."""
        key = str((ranks, sorted(settings.items())))
        if key not in self.made:
            self.made[key] = self.place(f"unbroken_{len(self.made)}")
            self.train_in(self.made[key], ranks, program=PLAIN, **settings)
        return self.made[key]

    def setUp(self):
        super().setUp()
        self.made = {}

    def files_of(self, folder):
        run = folder / RUN
        return sorted(path.relative_to(run) for path in [*run.glob("*.h5"), *run.glob("checkpoints/*")])

    def unfinished(self, folder):
        return list((folder / RUN).rglob("*.partial"))

    def assert_same_bytes(self, folder, straight):
        """model.h5, best.h5 and every checkpoint."""
        self.assertEqual(self.files_of(folder), self.files_of(straight))
        for file in self.files_of(straight):
            self.assertEqual((folder / RUN / file).read_bytes(), (straight / RUN / file).read_bytes(), file)
        self.assert_same_metrics(folder, straight)

    def assert_close(self, folder, straight, tolerance=1e-6):
        """Parameters and losses, within `tolerance` of the largest."""
        self.assertEqual(self.files_of(folder), self.files_of(straight))
        newest = self.files_of(straight)[-2]
        for file in ("model.h5", newest):
            found, expected = (support.read_arrays(each / RUN / file) for each in (folder, straight))
            self.assertEqual(list(found), list(expected))
            for name in expected:
                if expected[name].dtype.kind != "f":
                    np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
                    continue
                largest = np.abs(expected[name]).max()
                np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=tolerance * largest, err_msg=name)
        found, expected = ([step["loss"] for step in support.read_metrics(each / RUN, "step")] for each in (folder, straight))
        self.assert_relative(found, expected, tolerance, "loss")

    def assert_same_metrics(self, folder, straight):
        for event in ("step", "epoch"):
            found, expected = (support.read_told(each / RUN, event) for each in (folder, straight))
            self.assertEqual(found, expected, event)

    def assert_struck(self, finished):
        self.assertEqual(finished.stderr.count("fault: "), 1, finished)

    def assert_one_error(self, finished, *words):
        self.assertEqual(len(finished.errors), 1, finished)
        for word in words:
            self.assertIn(word, finished.errors[0])

    def assert_whole_checkpoints(self, folder):
        """Everything under a final name can be used."""
        for file in self.files_of(folder):
            if file.suffix == ".h5":
                checked = support.run(
                    [PLAIN, "eval", *support.options(model__init=folder / RUN / file, data__store=folder / "set.h5")]
                )
                self.assertEqual(checked.code, 0, checked)
