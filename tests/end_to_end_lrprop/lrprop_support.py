"""What the tests of lrprop_dist share: small stores of videos, model and plan files made with h5py, and running it."""

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from lrprop_independent import Sizes

sys.path.append(str(Path(__file__).resolve().parents[1] / "end_to_end"))

import event_files  # noqa: E402
import support  # noqa: E402
from support import TEST, TRAIN, VALIDATION, options  # noqa: E402, F401

PROGRAM = "lrprop_dist"
TINY = Sizes()
PHASES = 3


@dataclasses.dataclass
class VideoSet(support.TseSet):
    """Samples are videos, whose frames may have phases and times; a list each, or None."""

    frame_labels: list = None
    timestamps: list = None
    ids: list = None

    def map_frames(self, change):
        """The same with other features."""
        return dataclasses.replace(self, samples=[change(sample).astype(np.float32) for sample in self.samples])


def make_videos(seed=0, classes=1, per_class=6, validation_per_class=3, features=5, lengths=(14, 30), noise=0.3):
    """Videos that go through the same phases at a pace of their own. Actions alternate; validation last."""
    generator = np.random.default_rng(seed)
    curves = generator.normal(size=(classes, 6, features)) * 1.5
    samples, labels, phases, times = [], [], [], []
    for n in range(classes * (per_class + validation_per_class)):
        length = int(generator.integers(*lengths, endpoint=True))
        pace = np.cumsum(generator.uniform(0.3, 1.7, size=length))
        at = 5 * (pace - pace[0]) / (pace[-1] - pace[0])
        curve = np.stack([np.interp(at, range(6), curves[n % classes, :, f]) for f in range(features)], axis=1)
        samples.append((curve + noise * generator.normal(size=curve.shape)).astype(np.float32))
        labels.append(n % classes)
        phases.append(np.minimum(at * PHASES / 5, PHASES - 1).astype(np.int32))
        times.append(np.arange(length) / 25 + n)
    splits = np.where(np.arange(len(samples)) < classes * per_class, TRAIN, VALIDATION).astype(np.uint8)
    return VideoSet(samples, np.array(labels, dtype=np.int32), splits, classes, phases, times)


def write_store(path, videos, dtype=np.float32):
    support.write_store(path, videos, dtype=dtype)
    with h5py.File(path, "r+") as store:
        if videos.frame_labels is not None:
            store["frame_labels"] = np.concatenate(videos.frame_labels).astype(np.int32)
        if videos.timestamps is not None:
            store["timestamps"] = np.concatenate(videos.timestamps).astype(float)
        if (videos.labels < 0).any():
            store.attrs["unlabelled"] = 1
        if videos.ids is not None:
            del store["ids"]
            store["ids"] = support.fixed_length(videos.ids)
    return path


def write_model(path, sizes, weights, dropout=0.0, **arrays):
    """A model file as its format describes it."""
    with h5py.File(path, "w") as model:
        model.attrs.update(format="lrprop-model", version=1, dropout=dropout, **dataclasses.asdict(sizes))
        for name, array in weights.items():
            model[f"weights/{name}"] = np.asarray(array, dtype=np.float32)
        for name, array in arrays.items():
            model[name] = np.asarray(array, dtype=np.float32)
    return path


def write_plan(path, pairs):
    """`pairs`: of each step (video A, video B, [frames of a0, a1, b0, b1])."""
    views = [view for _, _, of_step in pairs for view in of_step]
    with h5py.File(path, "w") as plan:
        plan["pair"] = np.array([(a, b) for a, b, _ in pairs], dtype=np.int32)
        plan["offsets"] = np.cumsum([0, *map(len, views)], dtype=np.int64)
        plan["frames"] = np.concatenate(views).astype(np.int64)
    return path


def make_plan(videos, steps, seed=0, counts=(3, 12)):
    """Random pairs of videos of one action, with views of unequal length."""
    generator = np.random.default_rng(seed)
    training = np.flatnonzero((videos.splits == TRAIN) & (videos.labels >= 0))
    pairs = []
    for _ in range(steps):
        a = generator.choice(training)
        b = generator.choice([n for n in training if videos.labels[n] == videos.labels[a] and n != a])
        views = []
        for video in (a, a, b, b):
            length = len(videos.samples[video])
            count = int(generator.integers(*counts, endpoint=True))
            views.append(np.sort(generator.choice(length, min(count, length), replace=False)))
        pairs.append((int(a), int(b), views))
    return pairs


def sizes_as_options(sizes=TINY):
    """Keys of a model of those sizes."""
    values = dataclasses.asdict(sizes)
    del values["feature_dim"]
    frames = values.pop("train_frames")
    return {**{f"model__{name}": value for name, value in values.items()}, "train__frames": frames}


def read_weights(path):
    """{name: array} of a model file, without "weights/"."""
    return {name.removeprefix("weights/"): array for name, array in support.read_arrays(path).items() if "/" in name}


def records(run_dir):
    """All of metrics.jsonl but what a clock says."""
    return [support.without_clock(json.loads(line)) for line in (Path(run_dir) / "metrics.jsonl").read_text().splitlines()]


def finite_json(path):
    """What a JSON file holds; a NaN or an infinity in it, which no JSON has, is an error."""

    def refuse(word):
        raise AssertionError(f"{path}: found {word}")

    return json.loads(Path(path).read_text(), parse_constant=refuse)



class LrpropTest(support.ProgramTest):
    """Tests of lrprop_dist with a small model."""

    SETTINGS = {**sizes_as_options(), "model__dropout": 0.1, "train__epochs": 2, "train__lr": 0.005, "dist__threads": 1}

    def arguments(self, store, run_dir, **settings):
        """Of a training run; a setting of None is left to the program."""
        known = {**self.SETTINGS, **dict(data__store=store, run__dir=run_dir, run__progress="off"), **settings}
        return [PROGRAM, "train", *options(**{key: value for key, value in known.items() if value is not None})]

    def train(self, name, store, ranks=None, timeout=120, **settings):
        """Trains into folder/name and returns it."""
        run_dir = self.folder / name
        self.said = self.succeed(self.arguments(store, run_dir, **settings), ranks, timeout)
        self.assert_sound(run_dir)
        return run_dir

    def assert_sound(self, run_dir):
        """No NaN in any file of a run that has ended, and the same in both files of metrics."""
        for file in run_dir.glob("*.json"):
            finite_json(file)
        for line in (run_dir / "metrics.jsonl").read_text().splitlines():
            self.assertNotRegex(line.lower(), r"\bnan\b|\binf")
        for name, array in support.read_arrays(run_dir / "model.h5").items():
            self.assertTrue(np.isfinite(array).all(), name)
        self.assertEqual(event_files.read_scalars(run_dir / event_files.NAME), event_files.expected_scalars(run_dir))

    def evaluate(self, name, ranks=None, **settings):
        """What `eval` writes as JSON."""
        json_file = self.folder / f"{name}.json"
        self.said = self.succeed(
            [PROGRAM, "eval", *options(run__progress="off", **settings), "--json", json_file], ranks
        )
        return finite_json(json_file)

    def embed(self, name, model, store, ranks=None, **settings):
        """The store that `embed` writes."""
        out = self.folder / f"{name}.h5"
        given = options(model__init=model, data__store=store, run__progress="off", **settings)
        self.said = self.succeed([PROGRAM, "embed", *given, "--out", out], ranks)
        return out

    def refuse(self, arguments, code, *words, ranks=(None, 3)):
        """One line with all of `words`, and that exit code, alone and on several ranks."""
        for count in ranks:
            with self.subTest(ranks=count):
                finished = support.run(arguments, count, cwd=self.folder)
                self.assert_refused(finished, code, *words)

    def assert_refused(self, finished, code, *words):
        self.assertEqual(finished.code, code, finished)
        self.assertEqual(len(finished.errors), 1, finished)
        for word in words:
            self.assertIn(word, finished.errors[0])
        self.assertIn("expected", finished.errors[0])

    def codes_of_ranks(self, arguments, ranks=3):
        """The exit code of every rank: a shell beside each keeps it from mpirun, which would end the others."""
        keep = '"$0" "$@"; echo $? > code_of_$OMPI_COMM_WORLD_RANK'
        program, *words = support.command_line(arguments)
        command = ["mpirun", "--oversubscribe", "-np", ranks, "sh", "-c", keep, program, *words]
        support.finish(support.jobs.start(command, self.folder, support.surroundings()))
        return [int((self.folder / f"code_of_{rank}").read_text()) for rank in range(ranks)]


class FilesTest(LrpropTest):
    """Tests of files with a fault each, beside a sound store."""

    def setUp(self):
        super().setUp()
        self.videos = make_videos(111, classes=2)
        self.store = write_store(self.folder / "set.h5", self.videos)

    def put(self, file, name, array):
        if name in file:
            del file[name]
        if array is not None:
            file[name] = array


SHORT = dict(train__epochs=1, run__progress="off")


class Edges(LrpropTest):
    """Tests of what is trained and evaluated, or refused."""

    def store_of(self, videos, name="set.h5", dtype=np.float32):
        path = self.folder / name
        path.unlink(missing_ok=True)
        return write_store(path, videos, dtype)

    def goes_through(self, videos, ranks=2, dtype=np.float32, **settings):
        """Trains, and evaluates what was trained: the same numbers. Returns evaluation.json."""
        name = f"run_{len(list(self.folder.iterdir()))}"
        store = self.store_of(videos, dtype=dtype)
        run_dir = self.train(name, store, ranks, **{**SHORT, **settings})
        self.notes = self.said.stderr
        given = {key: value for key, value in settings.items() if key.startswith(("eval", "data"))}
        model = run_dir / "model.h5"
        of_run = finite_json(run_dir / "evaluation.json")
        self.assertEqual(self.evaluate(name, model__init=model, data__store=store, **given), of_run)
        return of_run

    def training(self, store, **settings):
        """Arguments of a run into a folder that no other has."""
        run_dir = Path(tempfile.mkdtemp(dir=self.folder)) / "refused"
        return self.arguments(store, run_dir, **{**SHORT, **settings})

    def assert_nothing_left(self):
        self.assertEqual(list(self.folder.glob("*/refused")), [])
