"""The module that computes LRProp. It is linked to the LibTorch of one version of torch, so that is looked at first."""

from ._find_torch import AGAIN, find_torch, series

_WHO = "dejavid.LRProp"


def _load():
    try:
        from ._built_with import TORCH
    except ImportError:
        raise ImportError(
            f"{_WHO}: found a dejavid that was built where Python had no torch; expected one built with it; "
            f"pip install torch, then build dejavid again: {AGAIN}"
        ) from None
    expected = ".".join(map(str, series(TORCH)))
    find_torch(
        _WHO,
        lambda found: found == series(TORCH),
        f"{expected}, which this dejavid was built with",
        f"pip install \"torch=={expected}.*\", or build dejavid again: {AGAIN}",
    )
    from . import _lrprop

    return _lrprop


lrprop = _load()
