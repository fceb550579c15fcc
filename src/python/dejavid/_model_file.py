"""Model files of dejavid_dist (docs/reference/files.md), by way of h5py, and what they share with lrprop_dist's."""

import contextlib
import os
import tempfile

import numpy as np

from . import _core

_FORMAT, _VERSION = "dejavid-model", 1


def _h5py():
    try:
        import h5py
    except ImportError:
        raise ImportError(
            "model files: found no h5py; expected it for from_file and to_file; pip install h5py"
        ) from None
    return h5py


@contextlib.contextmanager
def written(file, form, version):
    """A file to write, of that format, that appears whole or not at all."""
    h5py = _h5py()
    file = os.path.realpath(os.fsdecode(file))  # of a link, what it leads to
    if not os.path.isdir(os.path.dirname(file)):
        raise FileNotFoundError(f"{file}: found no folder {os.path.dirname(file)}; expected one to write to; make it")
    if os.path.lexists(file) and not os.path.isfile(file):
        raise ValueError(f"{file}: found something that is no regular file; expected one to replace, or nothing; choose another name")
    handle, unfinished = tempfile.mkstemp(prefix=os.path.basename(file) + ".", dir=os.path.dirname(file))
    os.close(handle)
    try:
        with h5py.File(unfinished, "w") as opened:
            opened.attrs["format"], opened.attrs["version"] = form, np.int64(version)
            yield opened
        os.chmod(unfinished, 0o666 & ~_umask())
        os.replace(unfinished, file)
    except BaseException:
        os.unlink(unfinished)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def opened_to_read(file, form, version):
    """A model file of that format. Raises ValueError, FileNotFoundError."""
    h5py = _h5py()
    file = os.fspath(file)
    if not os.path.exists(file):
        raise FileNotFoundError(f"{file}: found no file; expected a model file; check the name")
    try:
        opened = h5py.File(file, "r")
    except OSError as error:
        raise ValueError(f"{file}: found no HDF5 file ({error}); expected a model file; check the name") from None
    with opened:
        attributes = opened.attrs
        if text(attributes.get("format", "")) != form or str(attributes.get("version", 0)) != str(version):
            raise ValueError(
                f"{file}:attribute format: found another; expected \"{form}\", version {version}; name a model file"
            )
        if "training" in opened:
            raise ValueError(
                f"{file}: found a checkpoint; expected a model file; name the run's model.h5 or best.h5"
            )
        yield opened


def require_digest(file, attributes, name, found):
    expected = attributes.get(name)
    if expected is not None and int(expected) != found:
        raise ValueError(
            f"{file}: found content of digest {found:016x}; expected {int(expected):016x} (attribute {name}); "
            "copy the file again"
        )


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def write(file, model):
    """Writes a file that appears whole or not at all."""
    arrays_digest, header_digest = model.digests
    with written(file, _FORMAT, _VERSION) as opened:
        opened["centroids"] = model.centroids
        opened["log_weights"] = model.log_weights
        encoded = [name.encode() for name in model.class_names]
        width = max(1, *map(len, encoded))
        opened["class_names"] = np.array(encoded, dtype=f"S{width}").astype(_h5py().string_dtype("utf-8", width))
        attributes = opened.attrs
        attributes["diagonal"] = np.int64(model.diagonal)
        if model.slope:
            attributes["slope"] = np.int64(1)
        if model.validated_on:
            attributes["validated_on"] = model.validated_on
        if model.held_out:
            attributes["held_out"] = np.uint64(model.held_out)
        if model.encoder:
            attributes["encoder"] = model.encoder
        attributes["epoch"] = np.int64(model.epoch)
        attributes["val_top1"], attributes["val_top5"] = model.val_top1, model.val_top5
        attributes["config"] = model.config
        attributes["digest"], attributes["header_digest"] = np.uint64(arrays_digest), np.uint64(header_digest)


def read(file):
    """Reads and checks a model file. Raises ValueError, FileNotFoundError."""
    with opened_to_read(file, _FORMAT, _VERSION) as opened:
        attributes = opened.attrs
        for name in ("centroids", "log_weights", "class_names"):
            if name not in opened:
                raise ValueError(f"{file}:{name}: found none; expected it; make the model again")
        arrays = [np.ascontiguousarray(opened[name][()], dtype=np.float32) for name in ("centroids", "log_weights")]
        if any(array.ndim != 3 for array in arrays):
            raise ValueError(f"{file}:centroids: expected three dimensions, [C,K,F]; make the model again")
        names = [text(name) for name in opened["class_names"][()]]
        try:
            model = _core.Model(
                *arrays,
                names,
                bool(attributes.get("diagonal", 0)),
                bool(attributes.get("slope", 0)),
                int(attributes.get("epoch", -1)),
                text(attributes.get("config", "")),
            )
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        model.held_out = int(attributes.get("held_out", 0))
        model.val_top1, model.val_top5 = float(attributes.get("val_top1", 0)), float(attributes.get("val_top5", 0))
        model.validated_on = text(attributes.get("validated_on", ""))
        model.encoder = text(attributes.get("encoder", ""))
        for name, found in zip(("digest", "header_digest"), model.digests):
            require_digest(file, attributes, name, found)
        return model
