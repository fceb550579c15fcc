"""Classifiers of time series and videos by learned temporal alignment, and embeddings of video frames.

`DejaVidClassifier` follows scikit-learn; `dejavid.aeon.DejaVidClassifier` is the same for aeon, whose arrays are the
other way round. `LRProp` embeds frames so that videos of an action can be aligned; it needs torch.
"""

from ._alignment import Alignment, Path, VideoAlignment
from ._classifier import DejaVidClassifier

__all__ = ["Alignment", "DejaVidClassifier", "Path", "VideoAlignment"]


def __getattr__(name):
    if name == "LRProp":  # torch is loaded only where it is asked for
        from ._embedder import LRProp

        return LRProp
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
