"""The classifier for aeon, whose samples are [F,T]: channels first. Needs aeon."""

import numpy as np

try:
    from aeon.classification.base import BaseClassifier
except ImportError as error:
    raise ImportError("dejavid.aeon: found no aeon; expected it; pip install aeon") from error

from . import _classifier

__all__ = ["DejaVidClassifier"]


class DejaVidClassifier(BaseClassifier):
    """`dejavid.DejaVidClassifier` for X [N,F,T], or a list of N arrays [F,T]. Parameters are the same."""

    _tags = {
        "X_inner_type": ["np-list", "numpy3D"],
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:multithreading": True,
        "algorithm_type": "distance",
    }

    def __init__(
        self,
        *,
        steps=_classifier.DEFAULTS["steps"],
        epochs=_classifier.DEFAULTS["epochs"],
        slope=_classifier.DEFAULTS["slope"],
        diagonal=_classifier.DEFAULTS["diagonal"],
        weight_init=_classifier.DEFAULTS["weight_init"],
        batch_size=_classifier.DEFAULTS["batch_size"],
        lr=_classifier.DEFAULTS["lr"],
        centroid_lr_ratio=_classifier.DEFAULTS["centroid_lr_ratio"],
        weight_decay=_classifier.DEFAULTS["weight_decay"],
        refresh=_classifier.DEFAULTS["refresh"],
        logit_norm=_classifier.DEFAULTS["logit_norm"],
        logit_scale=_classifier.DEFAULTS["logit_scale"],
        label_smoothing=_classifier.DEFAULTS["label_smoothing"],
        samples_per_class=_classifier.DEFAULTS["samples_per_class"],
        iterations=_classifier.DEFAULTS["iterations"],
        random_state=0,
        n_jobs=1,
        verbose=0,
    ):
        self.steps = steps
        self.epochs = epochs
        self.slope = slope
        self.diagonal = diagonal
        self.weight_init = weight_init
        self.batch_size = batch_size
        self.lr = lr
        self.centroid_lr_ratio = centroid_lr_ratio
        self.weight_decay = weight_decay
        self.refresh = refresh
        self.logit_norm = logit_norm
        self.logit_scale = logit_scale
        self.label_smoothing = label_smoothing
        self.samples_per_class = samples_per_class
        self.iterations = iterations
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        super().__init__()

    def _fit(self, X, y):
        self.classifier_ = _classifier.DejaVidClassifier(**self.get_params(deep=False)).fit(_steps_first(X), y)
        return self

    def _predict(self, X):
        return self.classifier_.predict(_steps_first(X))

    def _predict_proba(self, X):
        return self.classifier_.predict_proba(_steps_first(X))

    def align(self, x, y=None, *, name="x"):
        """As of `dejavid.DejaVidClassifier`, of one sample [F,T]."""
        return self.classifier_.align(np.asarray(x).T, y, name=name)

    @classmethod
    def _get_test_params(cls, parameter_set="default"):
        return {"steps": 4, "epochs": 2}


def _steps_first(X):
    return [np.asarray(sample).T for sample in X]
