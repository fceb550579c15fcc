"""Classifiers of time series and videos by learned temporal alignment, and embeddings of video frames.

`DejaVidClassifier` follows scikit-learn; `dejavid.aeon.DejaVidClassifier` is the same for aeon, whose arrays are the
other way round. `PerStep` puts a scaler or the like before it. `LRProp` embeds frames so that videos of an action can be
aligned; it needs torch. `dejavid.torch` has operations for torch and needs nothing else.
"""

import importlib

#: Names and where they are from. Each is loaded where it is asked for: not everybody has what the others need.
_WHERE = {
    "Alignment": "_alignment",
    "DejaVidClassifier": "_classifier",
    "LRProp": "_embedder",
    "Path": "_alignment",
    "PerStep": "_per_step",
    "VideoAlignment": "_alignment",
}

__all__ = [name for name in _WHERE if name != "LRProp"]  # the package may be built without torch


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f".{_WHERE[name]}", __name__)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in ("numpy", "sklearn"):
            raise
        package = {"sklearn": "scikit-learn"}.get(missing, missing)
        raise ImportError(f"dejavid.{name}: found no {package}; expected it; pip install {package}") from error
    return getattr(module, name)


def __dir__():
    return sorted({*globals(), *__all__})
