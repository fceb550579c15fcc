"""The module that computes LRProp. It is linked to the LibTorch of one version of torch, so that is looked at first."""

import re

_WHO = "dejavid.LRProp"


def _series(version):
    return re.match(r"\d+\.\d+", version).group()


def _load():
    try:
        from ._built_with import TORCH
    except ImportError:
        raise ImportError(
            f"{_WHO}: found a dejavid that was built where Python had no torch; expected one built with it; "
            "pip install torch, then build dejavid again: pip install --force-reinstall --no-deps ./src/python"
        ) from None
    expected = _series(TORCH)
    try:
        import torch
    except (ImportError, OSError) as error:
        raise ImportError(
            f"{_WHO}: found no torch ({error}); expected torch {expected}; pip install \"torch=={expected}.*\""
        ) from None
    if _series(torch.__version__) != expected:
        raise ImportError(
            f"{_WHO}: found torch {torch.__version__}; expected torch {expected}, which this dejavid was built with; "
            f"pip install \"torch=={expected}.*\", or build dejavid again: "
            "pip install --force-reinstall --no-deps ./src/python"
        )
    from . import _lrprop

    return _lrprop


lrprop = _load()
