"""LRProp, by the conventions of scikit-learn."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from . import _embedding_file, _estimator
from ._alignment import VideoAlignment
from ._samples import samples_of_list
from ._with_torch import lrprop as _lrprop

#: Parameters and the keys of lrprop_dist that they are (docs/reference/lrprop-keys.md).
KEYS = {
    "epochs": "train.epochs",
    "frames": "train.frames",
    "sampler": "train.sampler",
    "pairs_per_step": "train.pairs_per_step",
    "lr": "train.lr",
    "weight_decay": "train.weight_decay",
    "clip_norm": "train.clip_norm",
    "schedule": "train.schedule",
    "standardize": "data.standardize",
    "fc_width": "model.fc_width",
    "hidden": "model.hidden",
    "heads": "model.heads",
    "ff_width": "model.ff_width",
    "layers": "model.layers",
    "embedding": "model.embedding",
    "dropout": "model.dropout",
    "layer_init": "model.layer_init",
    "lambda_same": "loss.lambda_same",
    "lambda_prop": "loss.lambda_prop",
    "lambda_sdtw": "loss.lambda_sdtw",
    "temperature": "loss.temperature",
    "sigma2": "loss.sigma2",
    "gamma": "loss.gamma",
    "sdtw_reduction": "loss.sdtw_reduction",
    "regularizer": "loss.regularizer",
    "regularizer_weight": "loss.regularizer_weight",
    "idm_margin": "loss.idm_margin",
    "idm_sigma": "loss.idm_sigma",
    "frames_per_pass": "eval.frames_per_pass",
}


class LRProp(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Embeds the frames of videos, so that frames of the same moment of an action lie near each other.

    Trains on pairs of videos of one action as ``lrprop_dist train`` does: the same videos in the same order give the same
    model, bit for bit. On the CPU, over torch's LibTorch; torch's settings have no part in it and stay as they are.

    X is a list of N videos, arrays [T,F] of features of their frames, whose T may differ, or one array [N,T,F]. numpy
    converts every video to float32.

    Parameters
    ----------
    epochs : int, passes over the videos
    frames : int, frames of a view at most
    sampler : "carl_code" or "carl_paper", a view's frames are drawn from the whole video, or from a crop of it
    pairs_per_step : int, pairs of videos a step
    lr, weight_decay, clip_norm : float, of Adam; its decay; largest norm of the gradient, 0: any
    schedule : "cosine", "constant" or "carl", learning rate over the epochs
    standardize : bool, features less their mean over the frames, in units of their standard deviation
    fc_width, hidden, heads, ff_width, layers, embedding : int, sizes of the encoder; `embedding` is E
    dropout : float, share of numbers that training leaves out at each place
    layer_init : "independent" or "cloned", first weights of the blocks
    lambda_same, lambda_prop, lambda_sdtw : float, weights of the losses
    temperature, sigma2, gamma : float, scales of the losses
    sdtw_reduction : "mean" or "sum", of soft-DTW
    regularizer, regularizer_weight, idm_margin, idm_sigma : "none" or "contrastive-idm", a further loss, and its numbers
    frames_per_pass : int, frames of a video that transform's encoder sees at once; 0: all
    random_state : int, RandomState instance or None, what every random draw depends on
    n_jobs : int or None, threads; None is 1, -1 all cores. A step has work for two a pair.
    verbose : int, 0 silent, 1 a line for every epoch on standard error

    Attributes
    ----------
    weights_ : dict of arrays, the encoder's, by their names in the model file
    feature_mean_, feature_scale_ : array [F], what features are standardised by, or None
    n_features_in_ : int, F
    config_ : str, all settings of the training as TOML
    """

    def __init__(
        self,
        *,
        epochs=400,
        frames=80,
        sampler="carl_code",
        pairs_per_step=1,
        lr=1e-3,
        weight_decay=1e-5,
        clip_norm=10.0,
        schedule="cosine",
        standardize=False,
        fc_width=512,
        hidden=256,
        heads=8,
        ff_width=1024,
        layers=7,
        embedding=128,
        dropout=0.1,
        layer_init="independent",
        lambda_same=1.0,
        lambda_prop=0.1,
        lambda_sdtw=0.1,
        temperature=0.1,
        sigma2=100.0,
        gamma=0.1,
        sdtw_reduction="mean",
        regularizer="none",
        regularizer_weight=0.5,
        idm_margin=2.0,
        idm_sigma=10.0,
        frames_per_pass=0,
        random_state=0,
        n_jobs=None,
        verbose=0,
    ):
        self.epochs = epochs
        self.frames = frames
        self.sampler = sampler
        self.pairs_per_step = pairs_per_step
        self.lr = lr
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.schedule = schedule
        self.standardize = standardize
        self.fc_width = fc_width
        self.hidden = hidden
        self.heads = heads
        self.ff_width = ff_width
        self.layers = layers
        self.embedding = embedding
        self.dropout = dropout
        self.layer_init = layer_init
        self.lambda_same = lambda_same
        self.lambda_prop = lambda_prop
        self.lambda_sdtw = lambda_sdtw
        self.temperature = temperature
        self.sigma2 = sigma2
        self.gamma = gamma
        self.sdtw_reduction = sdtw_reduction
        self.regularizer = regularizer
        self.regularizer_weight = regularizer_weight
        self.idm_margin = idm_margin
        self.idm_sigma = idm_sigma
        self.frames_per_pass = frames_per_pass
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @classmethod
    def from_config(cls, config, **parameters):
        """An estimator with the settings of a configuration of lrprop_dist: a name (``"clips"``, ``"utkinect"``, see
        configs/lrprop/) or a TOML file. `parameters` come before what it says."""
        said = _estimator.parameters_of(_lrprop.configured, KEYS, config, ["train.profile"])
        for name, follows_the_job in (("epochs", -1), ("pairs_per_step", 0)):
            if said[name] == follows_the_job:
                del said[name]
        return cls(**said | parameters)

    def fit(self, X, y=None):
        """Trains on X. y [N]: each video's action, as pairs are of one action; without it all are of one. Ctrl-C raises
        KeyboardInterrupt within a step. Returns self."""
        videos = _videos_of(X)
        for n, video in enumerate(videos):
            if len(video) < 2:
                raise ValueError(f"X[{n}]: found a video of one frame; expected at least two; leave it out")
        actions = np.zeros(len(videos), dtype=int) if y is None else column_or_1d(y, warn=True)
        if len(actions) != len(videos):
            raise ValueError(f"y: found {len(actions)} actions; expected {len(videos)}, one for every video of X")
        try:
            names, labels, counts = np.unique(actions, return_inverse=True, return_counts=True)
        except TypeError:
            raise ValueError("y: found actions that cannot be told apart by order; expected texts alone, or numbers alone") from None
        if counts.max() < 2:
            raise ValueError(
                f"X: found {len(videos)} videos, no two of one action; expected pairs to align; add videos of an action"
            )
        model = _lrprop.train(
            videos,
            labels.tolist(),
            [str(name) for name in names.tolist()],
            self._configuration(),
            _estimator.threads_of(self.n_jobs),
            _estimator.log if self.verbose else _estimator.warn,
        )
        self._take(model)
        return self

    def transform(self, X):
        """The embeddings of each video's frames: a list of N arrays [T,E], of rows of unit length."""
        check_is_fitted(self)
        return _lrprop.embed(
            self._model(), self._checked(_videos_of(X)), self._configuration(), _estimator.threads_of(self.n_jobs)
        )

    def align(self, a, b, *, name="a", other_name="b"):
        """Video a [T,F] beside video b, in messages X[0] and X[1]. The names are what the picture calls them. Returns a
        VideoAlignment."""
        check_is_fitted(self)
        videos = self._checked(_videos_of([a, b]))
        names = [name, other_name]
        return VideoAlignment(
            **_lrprop.align(self._model(), *videos, names, self._configuration(), _estimator.threads_of(self.n_jobs))
        )

    def to_file(self, file):
        """Writes a model file, which lrprop_dist reads. Needs h5py."""
        check_is_fitted(self)
        _embedding_file.write(file, self._model())

    @classmethod
    def from_file(cls, file):
        """A fitted LRProp from a model file (model.h5, best.h5) of lrprop_dist or of to_file(). Parameters are the
        defaults. Needs h5py."""
        embedder = cls()
        embedder._take(_embedding_file.read(file))
        return embedder

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def _configuration(self):
        return _lrprop.configuration(_estimator.settings_of(self, KEYS))

    def _take(self, model):
        self.weights_ = model.arrays
        self.feature_mean_, self.feature_scale_ = model.feature_mean, model.feature_scale
        self.n_features_in_ = model.sizes[0]
        self.config_ = model.config
        self._header = {"sizes": model.sizes, "dropout": model.dropout, "epoch": model.epoch, "encoder": model.encoder}

    def _model(self):
        header = self._header
        floats = lambda array: None if array is None else np.ascontiguousarray(array, dtype=np.float32)  # noqa: E731
        model = _lrprop.Model(
            header["sizes"],
            header["dropout"],
            {name: floats(array) for name, array in self.weights_.items()},
            floats(self.feature_mean_),
            floats(self.feature_scale_),
            header["epoch"],
            self.config_,
        )
        model.encoder = header["encoder"]
        return model

    def _checked(self, videos):
        if videos[0].shape[1] != self.n_features_in_:
            raise ValueError(
                f"X[0]: found {videos[0].shape[1]} features; expected {self.n_features_in_} as the model has; give "
                "videos of the same features as in fit"
            )
        return videos


def _videos_of(X):
    if isinstance(X, np.ndarray) and X.dtype != object and X.ndim != 3:
        raise ValueError(f"X: found an array of {X.ndim} dimensions; expected a list of videos [T,F], or one array [N,T,F]")
    videos = samples_of_list(X)
    if not videos:
        raise ValueError("X: found no video; expected at least one")
    return videos
