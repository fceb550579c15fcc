"""Looks for torch where a part of the package needs one."""

import re

AGAIN = "pip install --force-reinstall --no-deps ./src/python"  # builds dejavid for the torch that is there


def series(version):
    """(2, 11) of "2.11.0+cpu"."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def find_torch(who, suits, expected, advice):
    """torch, where its version's series `suits`. Raises ImportError in the name of `who`."""
    try:
        import torch
    except (ImportError, OSError) as error:  # the latter where its libraries do not open
        found, why = f"no torch ({error})", error
    else:
        if suits(series(torch.__version__)):
            return torch
        found, why = f"torch {torch.__version__}", None
    raise ImportError(f"{who}: found {found}; expected torch {expected}; {advice}") from why
