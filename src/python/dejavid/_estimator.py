"""What the estimators share."""

import contextlib
import os
import sys
import warnings

import numpy as np
from sklearn.utils import check_random_state


def settings_of(estimator, keys):
    """[(name, key, value)] of the parameters in `keys`, numpy's numbers as Python's, and the seed."""
    values = {name: getattr(estimator, name) for name in keys}
    settings = [(name, keys[name], value.item() if isinstance(value, np.generic) else value) for name, value in values.items()]
    return settings + [("random_state", "train.seed", _seed(estimator.random_state))]


def parameters_of(configured, keys, configuration, also_known=()):
    """The parameters under a configuration of the program: a name of configs/, or a TOML file. `also_known`: keys that
    have done their part then."""
    values = configured(os.fspath(configuration), [*keys.values(), "train.seed", *also_known])
    return {"random_state": values["train.seed"]} | {name: values[key] for name, key in keys.items()}


def _seed(random_state):
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@contextlib.contextmanager
def unchanged_where_it_fails(estimator):
    """A fit that fails, or is interrupted, leaves the estimator as it was: fitted before or not."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def threads_of(n_jobs):
    if n_jobs is None:
        return 1
    if not isinstance(n_jobs, (int, np.integer)) or n_jobs == 0 or n_jobs > 1024:
        raise ValueError(f"n_jobs: found {n_jobs!r}; expected a number of threads up to 1024, -1 for all cores, or None for one")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(n_jobs) if n_jobs > 0 else max(1, cores + 1 + int(n_jobs))


def warn(level, line):
    """What is told of a silent fit: warnings alone."""
    if level > 1:
        warnings.warn(line, stacklevel=3)


def log(level, line):
    if level > 1:
        warnings.warn(line, stacklevel=3)
    else:
        print(line, file=sys.stderr)
