"""The classifier, by the conventions of scikit-learn."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import _core, _estimator, _model_file
from ._alignment import Alignment, Path
from ._samples import is_ragged, samples_of_list, samples_of_table

#: Parameters and the keys of dejavid_dist that they are (docs/reference/keys.md).
KEYS = {
    "steps": "model.steps",
    "epochs": "train.epochs",
    "slope": "data.slope",
    "diagonal": "model.diagonal",
    "weight_init": "model.weight_init",
    "batch_size": "train.batch_size",
    "lr": "train.lr",
    "centroid_lr_ratio": "train.centroid_lr_ratio",
    "weight_decay": "train.weight_decay",
    "refresh": "train.refresh",
    "logit_norm": "train.logit_norm",
    "logit_scale": "train.logit_scale",
    "label_smoothing": "train.label_smoothing",
    "samples_per_class": "centroids.samples_per_class",
    "iterations": "centroids.iterations",
}
#: Of the configuration that is built in as `series`.
DEFAULTS = _estimator.parameters_of(_core.configured, KEYS, "series")


class DejaVidClassifier(ClassifierMixin, BaseEstimator):
    """Classifies sequences by their weighted alignment with a learned centroid sequence of every class.

    Trains as ``dejavid_dist train --config series`` does: the same samples in the same order give the same
    model, bit for bit.

    X is a list of N arrays [T,F], whose T may differ; a list of N series [T] of one feature; an array [N,T,F]; or a table
    [N,T] of one feature. numpy converts every sample to float32.

    Parameters
    ----------
    steps : int or "auto", steps K of a centroid; "auto": the median length of the samples, 8 to 64
    epochs : int or "auto", passes over the samples; "auto": as many as make 300 steps, 12 to 60
    slope : bool, follow each sample's features by their slopes
    diagonal : bool, allow diagonal steps in the alignment
    weight_init : "one" or "random", weights before training
    batch_size : int, samples per step
    lr : float, learning rate of the logarithmic weights
    centroid_lr_ratio : float, learning rate of the centroids, as a multiple of `lr`
    weight_decay : float, AdamW's decay
    refresh : "batch" or "epoch", how often the copy that paths are searched with is renewed
    logit_norm : "log", "none" or "layernorm", how distances become logits
    logit_scale : float, factor of the logarithms of ``logit_norm="log"``
    label_smoothing : float, share of each sample's target that is spread over all classes
    samples_per_class, iterations : int, of the average that a class's centroid begins as
    random_state : int, RandomState instance or None, what every random draw depends on
    n_jobs : int or None, threads; None is 1, -1 all cores
    verbose : int, 0 silent, 1 a line for every epoch on standard error

    Attributes
    ----------
    classes_ : array [C], sorted
    centroids_ : array [C,K,F], in the last half slopes where `slope`
    log_weights_ : array [C,K,F], logarithms of the weights
    n_features_in_ : int, F, or T where X was a table
    config_ : str, all settings of the training as TOML
    """

    def __init__(
        self,
        *,
        steps=DEFAULTS["steps"],
        epochs=DEFAULTS["epochs"],
        slope=DEFAULTS["slope"],
        diagonal=DEFAULTS["diagonal"],
        weight_init=DEFAULTS["weight_init"],
        batch_size=DEFAULTS["batch_size"],
        lr=DEFAULTS["lr"],
        centroid_lr_ratio=DEFAULTS["centroid_lr_ratio"],
        weight_decay=DEFAULTS["weight_decay"],
        refresh=DEFAULTS["refresh"],
        logit_norm=DEFAULTS["logit_norm"],
        logit_scale=DEFAULTS["logit_scale"],
        label_smoothing=DEFAULTS["label_smoothing"],
        samples_per_class=DEFAULTS["samples_per_class"],
        iterations=DEFAULTS["iterations"],
        random_state=0,
        n_jobs=None,
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

    @classmethod
    def from_config(cls, config, **parameters):
        """A classifier with the settings of a configuration of dejavid_dist: a name (``"series"``, ``"order"``, see
        configs/) or a TOML file. `parameters` come before what it says."""
        return cls(**_estimator.parameters_of(_core.configured, KEYS, config) | parameters)

    def fit(self, X, y):
        """Trains on X with labels y [N]. Ctrl-C raises KeyboardInterrupt within a step. Returns self."""
        with _estimator.unchanged_where_it_fails(self):
            if is_ragged(X):
                samples = samples_of_list(X)
                if y is None:
                    raise ValueError("DejaVidClassifier requires y to be passed, but the target y is None")
                self.n_features_in_ = samples[0].shape[1]
                self._features_of_table = None
            else:
                X, y = validate_data(self, X, y, dtype="numeric", ensure_all_finite=False)
                samples = samples_of_table(X)
                self._features_of_table = X.shape[1]
            y = column_or_1d(y, warn=True)
            if len(y) != len(samples):
                raise ValueError(f"y: found {len(y)} labels; expected {len(samples)}, one for every sample of X")
            check_classification_targets(y)
            self.classes_, labels = np.unique(y, return_inverse=True)
            if len(self.classes_) < 2:
                raise ValueError(
                    f"y: found only one class ({self.classes_[0]!r}); expected at least two classes to tell apart"
                )
            model = _core.fit(
                samples,
                labels.tolist(),
                [str(name) for name in self.classes_.tolist()],
                _core.configuration(_estimator.settings_of(self, KEYS)),
                _estimator.threads_of(self.n_jobs),
                _estimator.log if self.verbose else _estimator.warn,
            )
            self._take(model)
        return self

    def predict(self, X):
        """The nearest class of every sample, [N]."""
        distances, _ = self._predict(X)
        return self.classes_[np.argmin(distances, axis=1)]

    def predict_proba(self, X):
        """The share of each class [N,C], in the order of `classes_`: it ranks samples and is no calibrated probability."""
        _, probabilities = self._predict(X)
        return probabilities

    def distances(self, X):
        """Distances [N,C] to every class, in the order of `classes_`."""
        distances, _ = self._predict(X)
        return distances

    def align(self, x, y=None, *, name="x"):
        """The paths of one sample [T,F] through the centroid of the predicted class and, where it is told and another,
        of its own class y. `name` is what the picture calls the sample. Returns an Alignment."""
        check_is_fitted(self)
        model = self._model()
        (sample,) = self._samples([x] if self._features_of_table is None else np.asarray([x]), model)
        label = -1
        if y is not None:
            found = np.flatnonzero(self.classes_ == y)
            if len(found) == 0:
                raise ValueError(f"y: found {y!r}; expected one of the {len(self.classes_)} classes of the model")
            label = int(found[0])
        result = _core.align(model, sample, label, name, _estimator.threads_of(self.n_jobs))
        paths = tuple(
            Path(
                self.classes_.tolist()[path["label"]],
                path["distance"],
                path["cells"],
                path["costs"],
                path["step_costs"],
            )
            for path in result["paths"]
        )
        return Alignment(
            self.classes_.tolist()[result["prediction"]],
            result["probability"],
            result["distances"],
            paths,
            result["svg"],
        )

    def to_file(self, file):
        """Writes a model file, which dejavid_dist reads. The classes are in it by their names: str(class). Needs h5py."""
        check_is_fitted(self)
        _model_file.write(file, self._model())

    @classmethod
    def from_file(cls, file):
        """A fitted classifier from a model file (model.h5, best.h5) of dejavid_dist or of to_file(). `classes_` are the
        names in the file, in its order. Parameters that say how to train are the defaults. Needs h5py."""
        model = _model_file.read(file)
        classifier = cls()
        classifier.classes_ = np.asarray(model.class_names)
        classifier.n_features_in_ = model.sample_features
        classifier._features_of_table = None
        classifier._take(model)
        return classifier

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _take(self, model):
        self.centroids_ = model.centroids
        self.log_weights_ = model.log_weights
        self.config_ = model.config
        self._header = {
            "diagonal": model.diagonal,
            "slope": model.slope,
            "epoch": model.epoch,
            "class_names": model.class_names,
            "validated_on": model.validated_on,
            "held_out": model.held_out,
            "encoder": model.encoder,
            "val_top1": model.val_top1,
            "val_top5": model.val_top5,
        }

    def _model(self):
        header = self._header
        model = _core.Model(
            np.ascontiguousarray(self.centroids_, dtype=np.float32),
            np.ascontiguousarray(self.log_weights_, dtype=np.float32),
            header["class_names"],
            header["diagonal"],
            header["slope"],
            header["epoch"],
            self.config_,
        )
        for name in ("validated_on", "held_out", "encoder", "val_top1", "val_top5"):
            setattr(model, name, header[name])
        return model

    def _samples(self, X, model):
        if is_ragged(X):
            samples = samples_of_list(X)
        elif self._features_of_table is not None:
            samples = samples_of_table(validate_data(self, X, reset=False, dtype="numeric", ensure_all_finite=False))
        else:
            samples = samples_of_list(np.asarray(X))
        if samples and samples[0].shape[1] != model.sample_features:
            raise ValueError(
                f"X[0]: found {samples[0].shape[1]} features; expected {model.sample_features} as the model has; give "
                "samples of the same features as in fit"
            )
        return samples

    def _predict(self, X):
        check_is_fitted(self)
        model = self._model()
        samples = self._samples(X, model)
        if not samples:
            raise ValueError("X: found no sample; expected at least one")
        return _core.predict(model, samples, _estimator.threads_of(self.n_jobs))
