"""What users give as X, as a list of arrays [T,F]."""

import numbers

import numpy as np


def is_ragged(X):
    """Whether X is a list of samples with a shape each, or one array [N,T,F], and not a table [N,T] of numbers."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        return X.ndim == 3
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and len(X) > 0 and not isinstance(X[0], (numbers.Number, str, bytes))
    if not isinstance(X, (list, tuple)) or len(X) == 0:
        return False
    ranks, lengths = set(), set()
    for sample in X:
        if isinstance(sample, (numbers.Number, str, bytes)) or sample is None:
            return False
        shape = _shape_of(sample)
        if shape is None or len(shape) != 1:
            return True
        ranks.add(len(shape))
        lengths.add(shape[0])
    return len(lengths) > 1


def _shape_of(sample):
    """None where it is no regular array."""
    if hasattr(sample, "shape"):
        return tuple(sample.shape)
    try:
        return np.shape(sample)
    except ValueError:
        return None


def samples_of_table(X, dtype=np.float32):
    """Rows of a checked table [N,T] are samples of one feature."""
    return [_as_floats(row[:, None], n, dtype) for n, row in enumerate(X)]


def samples_of_list(X, dtype=np.float32):
    """A list of [T,F] or [T], or an array [N,T,F]. Every message names X[i]."""
    samples = []
    for n, sample in enumerate(X):
        try:
            array = np.asarray(sample)
        except ValueError:
            raise ValueError(f"X[{n}]: found steps of different lengths; expected one array [T,F]") from None
        if array.dtype == object or array.dtype.kind not in "biuf":
            if array.dtype.kind == "c":
                raise ValueError(f"X[{n}]: Complex data not supported; expected real numbers")
            try:
                array = array.astype(np.float64)
            except (TypeError, ValueError):
                raise ValueError(f"X[{n}]: found numbers of type {array.dtype}; expected real numbers") from None
        if array.ndim == 1:
            array = array[:, None]
        if array.ndim != 2:
            raise ValueError(
                f"X[{n}]: found {array.ndim} dimensions; expected [T,F], or [T] for one feature"
            )
        if array.shape[0] == 0 or array.shape[1] == 0:
            raise ValueError(
                f"X[{n}]: found shape {array.shape[0]} x {array.shape[1]}; expected at least one step and one feature; "
                "leave the sample out"
            )
        samples.append(_as_floats(array, n, dtype))
    for n, sample in enumerate(samples):
        if sample.shape[1] != samples[0].shape[1]:
            raise ValueError(
                f"X[{n}]: found {sample.shape[1]} features; expected {samples[0].shape[1]} as X[0] has; samples may "
                "differ in their steps only"
            )
    return samples


def _as_floats(array, n, dtype=np.float32):
    finite = np.isfinite(array)
    if not finite.all():
        step, feature = np.argwhere(~finite)[0]
        value = array[step, feature]
        found = "NaN" if np.isnan(value) else "infinity"
        raise ValueError(
            f"X[{n}]: found {found} at step {step}, feature {feature}; expected finite numbers, no NaN or inf; mend or "
            "leave out the sample"
        )
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(array, dtype=dtype)
    if not np.isfinite(floats).all():
        step, feature = np.argwhere(~np.isfinite(floats))[0]
        raise ValueError(
            f"X[{n}]: found {array[step, feature]:g} at step {step}, feature {feature}; expected numbers that {np.dtype(dtype)} holds; "
            "scale the features down"
        )
    return floats
