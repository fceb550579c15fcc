"""What the end-to-end tests share: small data sets, stores and models made with h5py, and running the programs."""

import csv
import json
import os
import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from xxh64 import xxh64

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jobs  # noqa: E402

SOURCE = Path(os.environ.get("DEJAVID_SOURCE", Path(__file__).resolve().parents[2]))
BIN = Path(os.environ.get("DEJAVID_BIN", SOURCE / "build" / "cpu" / "bin"))
TRAIN, VALIDATION, TEST = 0, 1, 2

# --- data sets, stores and models -----------------------------------------------------------------------------------


@dataclass
class TseSet:
    """Samples [T,F] f32 of any lengths, with label and split each."""

    samples: list
    labels: np.ndarray
    splits: np.ndarray
    classes: int

    @property
    def features(self):
        return self.samples[0].shape[1]

    def of(self, split):
        """(samples, labels) of one split in store order."""
        chosen = [n for n in range(len(self.samples)) if self.splits[n] == split]
        return [self.samples[n] for n in chosen], self.labels[chosen]

    def map(self, change):
        return TseSet([change(sample) for sample in self.samples], self.labels, self.splits, self.classes)


def make_set(seed=0, classes=5, per_class=8, validation_per_class=3, features=7, lengths=(4, 16), noise=2.0):
    """Random sequences around one curve a class, neither trivial nor hopeless. Classes alternate; validation last."""
    generator = np.random.default_rng(seed)
    curves = generator.normal(size=(classes, 4, features))
    samples, labels = [], []
    for n in range(classes * (per_class + validation_per_class)):
        length = int(generator.integers(*lengths, endpoint=True))
        at = np.linspace(0, 3, length)
        curve = np.stack([np.interp(at, range(4), curves[n % classes, :, f]) for f in range(features)], axis=1)
        samples.append((curve + noise * generator.normal(size=curve.shape)).astype(np.float32))
        labels.append(n % classes)
    splits = np.where(np.arange(len(samples)) < classes * per_class, TRAIN, VALIDATION).astype(np.uint8)
    return TseSet(samples, np.array(labels, dtype=np.int32), splits, classes)


def fixed_length(names):
    """A list of strings as a fixed-length UTF-8 array."""
    encoded = [name.encode() for name in names]
    width = max([1, *map(len, encoded)])
    return np.array(encoded, dtype=f"S{width}").astype(h5py.string_dtype("utf-8", width))


def write_store(path, tse_set, digests=True, dtype=np.float32, complete=True, first_id=0, encoder=""):
    """Writes a TSE store as its format describes it. Returns the path."""
    samples = [np.ascontiguousarray(sample, dtype=dtype) for sample in tse_set.samples]
    features = np.concatenate(samples)
    with h5py.File(path, "w") as store:
        store.attrs.update(
            format="dejavid-tse",
            version=1,
            feature_dim=tse_set.features,
            num_classes=tse_set.classes,
            encoder=encoder,
            source="test",
        )
        rows = max(1, min(64, len(features)))
        store.create_dataset("features", data=features, chunks=(rows, tse_set.features), fletcher32=True)
        store["offsets"] = np.cumsum([0, *map(len, samples)], dtype=np.int64)
        store["labels"] = tse_set.labels.astype(np.int32)
        store["split"] = tse_set.splits.astype(np.uint8)
        store["ids"] = fixed_length([f"sample_{first_id + n}" for n in range(len(samples))])
        store["class_names"] = fixed_length([f"class {c}" for c in range(tse_set.classes)])
        if digests:
            store["digests"] = np.array([xxh64(sample.tobytes()) for sample in samples], dtype=np.uint64)
        if complete:
            store.attrs["complete"] = 1
    return path


def write_model(path, centroids, log_weights=None, diagonal=False):
    """Writes a model file as its format describes it. Returns the path."""
    centroids = np.asarray(centroids, dtype=np.float32)
    with h5py.File(path, "w") as model:
        model.attrs.update(
            format="dejavid-model", version=1, diagonal=int(diagonal), epoch=0, val_top1=0.0, val_top5=0.0, config=""
        )
        model["centroids"] = centroids
        model["log_weights"] = (
            np.zeros_like(centroids) if log_weights is None else np.asarray(log_weights, dtype=np.float32)
        )
        model["class_names"] = fixed_length([f"class {c}" for c in range(len(centroids))])
    return path


def read_arrays(path):
    """Every dataset of an HDF5 file by its full name."""
    arrays = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return arrays


def read_metrics(run_dir, event):
    """Records of one kind from metrics.jsonl, in file order."""
    lines = (Path(run_dir) / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["event"] == event]


def without_clock(record):
    """A record of metrics.jsonl but for what a clock says."""
    return {key: value for key, value in record.items() if key not in ("time", "seconds", "samples_per_s", "pairs_per_s")}


def read_told(run_dir, event):
    """read_metrics() but for what clocks say: the same for runs that did the same."""
    return list(map(without_clock, read_metrics(run_dir, event)))


def read_predictions(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


# --- running the programs -------------------------------------------------------------------------------------------


def command_line(arguments, ranks=None):
    """`arguments` begin with the program's name; `ranks` None: without mpirun."""
    program = [str(BIN / arguments[0]), *map(str, arguments[1:])]
    return program if ranks is None else ["mpirun", "--oversubscribe", "-np", str(ranks), *program]


def surroundings(extra=None):
    """What CTest sets, so that a test file can also be run by hand; two cores are shared by all ranks."""
    here = dict(os.environ)
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_rmaps_base_oversubscribe"):
        here.setdefault(name, "1")
    here.setdefault("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
    here.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    return {**here, **(extra or {})}


def start(arguments, ranks=None, cwd=None, environment=None, **others):
    """Starts a program, outputs piped; `environment` holds what is added to that of every program."""
    return jobs.start(command_line(arguments, ranks), cwd, surroundings(environment), **others)


def start_unlike(parts, cwd=None, environment=None):
    """Starts one job of ranks that are told different things: `parts` are pairs (ranks, arguments)."""
    command = ["mpirun", "--oversubscribe"]
    for ranks, arguments in parts:
        command += [":"] if len(command) > 2 else []
        command += ["-np", str(ranks), *command_line(arguments)]
    return jobs.start(command, cwd, surroundings(environment))


def finish(process, timeout=120):
    """Waits for a started program; one that outlasts `timeout` seconds, or leaves a process behind, is an error."""
    return jobs.finish(process, timeout)


def run(arguments, ranks=None, timeout=120, cwd=None, environment=None):
    return finish(start(arguments, ranks, cwd, environment), timeout)


def options(**values):
    """options(train__lr=0.1, model__diagonal=True) -> ["--train.lr", "0.1", "--model.diagonal", "true"]; of a list its words."""
    spoken = lambda value: str(value).lower() if isinstance(value, bool) else str(value)
    words = lambda value: map(spoken, value if isinstance(value, list) else [value])
    return [word for key, value in values.items() for word in ("--" + key.replace("__", "."), *words(value))]


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own, `self.folder`, and programs that are expected to succeed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dejavid-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def succeed(self, arguments, ranks=None, timeout=120):
        finished = run(arguments, ranks, timeout, cwd=self.folder)
        self.assertEqual(finished.code, 0, finished)
        return finished

    def train(self, name, store, ranks=None, **settings):
        """Trains into folder/name and returns it."""
        run_dir = self.folder / name
        self.succeed(
            ["dejavid_dist", "train", *options(data__store=store, run__dir=run_dir, run__progress="off", **settings)],
            ranks,
        )
        return run_dir

    def predict(self, model, store, ranks=None, **settings):
        """Rows of the predictions file."""
        out = self.folder / f"predictions_{ranks}.csv"
        out.unlink(missing_ok=True)
        self.succeed(
            ["dejavid_dist", "predict", *options(model__init=model, data__store=store, **settings), "--out", str(out)],
            ranks,
        )
        return read_predictions(out)

    def assert_relative(self, actual, expected, tolerance, what):
        """Every number within `tolerance` of the largest expected magnitude, element by element reported."""
        actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
        self.assertEqual(actual.shape, expected.shape, what)
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=0, err_msg=what)
