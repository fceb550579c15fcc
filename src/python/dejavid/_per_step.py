"""A transformer of rows, applied to the steps of sequences."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from ._samples import is_ragged, samples_of_list, samples_of_table


class PerStep(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Fits a transformer of scikit-learn to the steps of all samples and applies it to each step: a scaler or a PCA before
    `DejaVidClassifier` or `LRProp` in a pipeline.

    X is a list of N arrays [T,F], whose T may differ, or of series [T] of one feature; an array [N,T,F]; or a table [N,T] of one
    feature. Numbers are float64.

    Parameters
    ----------
    transformer : estimator with fit and transform, such as StandardScaler() or PCA(8); it sees an array [steps of all samples, F]

    Attributes
    ----------
    transformer_ : the transformer, fitted; the one that was given stays as it is
    n_features_in_ : int, F, or T where X was a table
    """

    def __init__(self, transformer):
        self.transformer = transformer

    def fit(self, X, y=None):
        """Fits the transformer. y [N], where it is given, is what the transformer gets for each step of a sample. Returns self."""
        samples = self._samples(X, fit=True)
        of_steps = []
        if y is not None:
            y = np.asarray(y)
            if y.ndim == 0 or len(y) != len(samples):
                raise ValueError(f"y: found shape {y.shape}; expected {len(samples)} labels, one for every sample of X")
            of_steps = [np.repeat(y, [len(sample) for sample in samples], axis=0)]
        self.transformer_ = clone(self.transformer).fit(np.concatenate(samples), *of_steps)
        return self

    def transform(self, X):
        """A list of N arrays [T,E], or one array [N,T,E] where X is an array or a table."""
        check_is_fitted(self)
        samples = self._samples(X, fit=False)
        rows = np.asarray(self.transformer_.transform(np.concatenate(samples)))
        lengths = [len(sample) for sample in samples]
        if rows.ndim != 2 or len(rows) != sum(lengths):
            raise ValueError(f"transformer: found an output of shape {rows.shape} for {sum(lengths)} steps; expected a row for each step")
        found = np.split(rows, np.cumsum(lengths)[:-1])
        of_table = self._of_table and not is_ragged(X)
        return np.stack(found) if of_table or isinstance(X, np.ndarray) and X.ndim == 3 else found

    def __sklearn_is_fitted__(self):
        return hasattr(self, "transformer_")

    def _samples(self, X, fit):
        """Arrays [T,F]: in `fit` X decides how many features there are, else it has to have as many."""
        if fit:
            self._of_table = not is_ragged(X)
        if not is_ragged(X) and self._of_table:
            samples = samples_of_table(validate_data(self, X, dtype="numeric", ensure_all_finite=False, reset=fit), np.float64)
        else:  # of series [T] those that are asked about may be of one length
            samples = samples_of_list(X if is_ragged(X) else np.asarray(X), np.float64)
        if not samples:
            raise ValueError("X: found no sample; expected at least one")
        if fit:
            self._step_features = samples[0].shape[1]
            if not self._of_table:
                self.n_features_in_ = self._step_features
        elif samples[0].shape[1] != self._step_features:
            raise ValueError(f"X[0]: found {samples[0].shape[1]} features; expected {self._step_features} as in fit")
        return samples
