"""Model files of lrprop_dist (docs/reference/files.md), by way of h5py."""

import numpy as np

from ._model_file import opened_to_read, require_digest, text, written
from ._with_torch import lrprop

_FORMAT, _VERSION = "lrprop-model", 1
_SIZES = ("feature_dim", "fc_width", "hidden", "heads", "ff_width", "layers", "embedding", "train_frames")


def write(file, model):
    """Writes a file that appears whole or not at all."""
    with written(file, _FORMAT, _VERSION) as opened:
        for name, array in model.arrays.items():
            opened[f"weights/{name}"] = array
        if model.feature_mean is not None:
            opened["feature_mean"], opened["feature_scale"] = model.feature_mean, model.feature_scale
        attributes = opened.attrs
        for name, size in zip(_SIZES, model.sizes):
            attributes[name] = np.int64(size)
        attributes["dropout"] = model.dropout
        attributes["epoch"] = np.int64(model.epoch)
        attributes["config"] = model.config
        if model.encoder:
            attributes["encoder"] = model.encoder
        attributes["digest"] = np.uint64(model.digest)


def read(file):
    """Reads and checks a model file. Raises ValueError, FileNotFoundError."""
    with opened_to_read(file, _FORMAT, _VERSION) as opened:
        attributes = opened.attrs
        for name in _SIZES:
            if name not in attributes:
                raise ValueError(f"{file}:attribute {name}: found none; expected a number; write it there")
        if "weights" not in opened:
            raise ValueError(f"{file}:weights: found none; expected the arrays of the encoder; make the model again")
        rows = [_floats(opened[name]) if name in opened else None for name in ("feature_mean", "feature_scale")]
        try:
            model = lrprop.Model(
                [int(attributes[name]) for name in _SIZES],
                float(attributes.get("dropout", -1)),
                {name: _floats(array) for name, array in opened["weights"].items()},
                *rows,
                int(attributes.get("epoch", -1)),
                text(attributes.get("config", "")),
            )
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        model.encoder = text(attributes.get("encoder", ""))
        require_digest(file, attributes, "digest", model.digest)
        return model


def _floats(array):
    return np.ascontiguousarray(array[()], dtype=np.float32)
