"""Classifiers of time series and videos by learned temporal alignment.

`DejaVidClassifier` follows scikit-learn; `dejavid.aeon.DejaVidClassifier` is the same for aeon, whose arrays are the
other way round.
"""

from ._alignment import Alignment, Path
from ._classifier import DejaVidClassifier

__all__ = ["Alignment", "DejaVidClassifier", "Path"]
