"""DejaVid in double precision, written from its definition alone: it shares no code with the programs that it checks.

Arrays: B samples, C classes, K centroid steps, T steps of a sample (ragged), F features. Everything is held in float64.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Settings:
    """What a training run is told; the names are those of the program's keys."""

    diagonal: bool = False
    learn_weights: bool = True
    learn_centroids: bool = True
    epochs: int = 36
    batch_size: int = 384
    lr: float = 1e-3
    centroid_lr_ratio: float = 1 / 3
    weight_decay: float = 0.0
    refresh: str = "epoch"
    logit_norm: str = "layernorm"
    logit_scale: float = 8.0  # of logit_norm "log"
    label_smoothing: float = 0.0  # of training's targets
    slope: bool = False  # whether slopes follow features
    eval_paths: str = "current"
    tie_sign: int = 0  # sign of |centroid - m| where both are equal
    in_spreads: bool = True  # whether steps are measured in the features' spreads

    @staticmethod
    def dejavid_code(**others):
        return Settings(**{"weight_decay": 0.01, "eval_paths": "frozen", "tie_sign": -1, "in_spreads": False, **others})


# --- samples --------------------------------------------------------------------------------------------------------


def with_slopes(sample):
    """[T,F] -> [T,2F]: behind the features how they change, over a 24th of the sample to either side, cut at its ends."""
    steps, window = np.arange(len(sample)), max(1, int(np.floor(len(sample) / 24 + 0.5)))
    after, before = np.minimum(steps + window, len(sample) - 1), np.maximum(steps - window, 0)
    return np.concatenate([sample, (sample[after] - sample[before]) / (2 * window)], axis=1)


def automatic_steps(samples):
    """The lower median of their lengths, 8 to 64."""
    return min(max(sorted(map(len, samples))[(len(samples) - 1) // 2], 8), 64)


def held_out_counts(labels, share):
    """{class: how many of its training samples are held out}: the nearest whole number, but never all."""
    counts = {c: int(np.sum(np.asarray(labels) == c)) for c in set(np.asarray(labels).tolist())}
    return {c: min(int(np.floor(share * count + 0.5)), count - 1) for c, count in counts.items()}


# --- alignment ------------------------------------------------------------------------------------------------------


def pad(samples):
    """Samples [T,F] of any lengths -> ([B, largest T, F], lengths [B]). The padding is never on a path."""
    lengths = np.array([len(sample) for sample in samples])
    padded = np.zeros((len(samples), lengths.max(), samples[0].shape[1]))
    for row, sample in zip(padded, samples):
        row[: len(sample)] = sample
    return padded, lengths


def costs(centroids, weights, padded):
    """Weighted L1 between centroid steps and sample steps: [B,C,K,T]."""
    per_class = [
        (np.abs(centroid[None, :, None] - padded[:, None]) * weight[None, :, None]).sum(-1)
        for centroid, weight in zip(centroids, weights)
    ]
    return np.stack(per_class, axis=1)


def accumulate(cost, diagonal=False):
    """Smallest cost of a walk from (0,0) to every cell, both ends included. [..., K, T] -> the same shape."""
    total = np.empty_like(cost)
    for i in range(cost.shape[-2]):
        for j in range(cost.shape[-1]):
            before = []
            if i > 0:
                before.append(total[..., i - 1, j])
            if j > 0:
                before.append(total[..., i, j - 1])
            if diagonal and i > 0 and j > 0:
                before.append(total[..., i - 1, j - 1])
            total[..., i, j] = cost[..., i, j] + (np.minimum.reduce(before) if before else 0.0)
    return total


def walk_back(total, lengths, diagonal=False):
    """The chosen path of every pair as a mask [B,C,K,T]; sample b ends at column lengths[b] - 1.

    On a tie the step along the sample wins over the step along the centroid, and `diagonal`'s own step over both.
    """
    b, c = np.indices(total.shape[:2])
    i = np.full(total.shape[:2], total.shape[2] - 1)
    j = np.broadcast_to(lengths[:, None] - 1, total.shape[:2]).copy()
    on_path = np.zeros(total.shape, dtype=bool)
    while True:
        on_path[b, c, i, j] = True
        if not (i.any() or j.any()):
            return on_path
        above = np.where(i > 0, total[b, c, i - 1, j], np.inf)
        left = np.where(j > 0, total[b, c, i, j - 1], np.inf)
        across = (
            np.where((i > 0) & (j > 0), total[b, c, i - 1, j - 1], np.inf) if diagonal else np.full(i.shape, np.inf)
        )
        goes_up = (above < left) & (above < across)
        goes_left = ~goes_up & (left < across if diagonal else j > 0)
        goes_across = ~goes_up & ~goes_left & np.isfinite(across)
        i = i - (goes_up | goes_across)
        j = j - (goes_left | goes_across)


def paths(centroids, log_weights, padded, lengths, diagonal=False):
    """Cheapest paths [B,C,K,T] under the given parameters."""
    return walk_back(accumulate(costs(centroids, np.exp(log_weights), padded), diagonal), lengths, diagonal)


def slope_intercept(centroids, padded, on_path, tie_sign=0):
    """|centroid - m| = centroid * sign - sign * m along the path: sums of sign and of -sign * m, [B,C,K,F] each."""
    slopes, intercepts = [], []
    for c, centroid in enumerate(centroids):
        difference = centroid[None, :, None] - padded[:, None]
        sign = np.where(difference == 0, tie_sign, np.sign(difference))
        mask = on_path[:, c].astype(float)
        slopes.append(np.einsum("bkt,bktf->bkf", mask, sign))
        intercepts.append(np.einsum("bkt,bktf->bkf", mask, -sign * padded[:, None]))
    return np.stack(slopes, axis=1), np.stack(intercepts, axis=1)


# --- loss -----------------------------------------------------------------------------------------------------------


def normalise(logits, logit_norm="layernorm", logit_scale=8.0):
    """(logit - mean) / (unbiased deviation + 1e-18) over the classes of every sample; of "log" -scale ln(distance)."""
    if logit_norm == "none":
        return logits
    if logit_norm == "log":
        return -logit_scale * np.log(-logits)
    centred = logits - logits.mean(-1, keepdims=True)
    return centred / (logits.std(-1, ddof=1, keepdims=True) + 1e-18)


def softmax(x):
    shifted = np.exp(x - x.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def cross_entropy(logits, labels, logit_norm="layernorm", logit_scale=8.0, label_smoothing=0.0):
    """Loss of every sample [B], and its gradient with respect to the logits [B,C], through the normalisation."""
    x = normalise(logits, logit_norm, logit_scale)
    probabilities = softmax(x)
    chosen = np.arange(len(labels)), labels
    largest = x.max(-1)
    targets = np.full_like(x, label_smoothing / x.shape[-1])
    targets[chosen] += 1.0 - label_smoothing
    losses = largest + np.log(np.exp(x - largest[:, None]).sum(-1)) - (targets * x).sum(-1)
    gradient = probabilities - targets
    if logit_norm == "log":
        gradient = gradient * logit_scale / -logits
    if logit_norm == "layernorm":
        deviation = logits.std(-1, ddof=1, keepdims=True)
        centred = logits - logits.mean(-1, keepdims=True)
        along = (gradient * centred).sum(-1, keepdims=True)
        scale = deviation + 1e-18
        spread = np.where(deviation > 0, deviation, 1.0)  # the deviation has no derivative at 0
        gradient = (gradient - gradient.mean(-1, keepdims=True)) / scale - np.where(
            deviation > 0, centred * along / ((logits.shape[-1] - 1) * spread * scale**2), 0.0
        )
    return losses, gradient


def ranking(logits):
    """Classes of every sample from the best to the worst; of equal ones the lower class first."""
    return np.argsort(-logits, axis=-1, kind="stable")


def within_top(logits, labels, k):
    """Whether the label is among the k best, per sample."""
    return (ranking(logits)[:, :k] == np.asarray(labels)[:, None]).any(-1)


# --- optimiser ------------------------------------------------------------------------------------------------------


def cosine(lr, epoch, epochs):
    return lr * (1 + np.cos(np.pi * epoch / epochs)) / 2


@dataclass
class AdamW:
    """One parameter group, updated in place; betas (0.9, 0.999), eps 1e-8 outside the root, decoupled decay."""

    weight_decay: float
    first: np.ndarray = None
    second: np.ndarray = None
    steps: int = 0

    def update(self, parameter, gradient, lr, unit=1.0, rest=0.0):
        """Steps in `unit`, decay towards `rest`, which are broadcast."""
        gradient = gradient * unit
        if self.first is None:
            self.first, self.second = np.zeros_like(parameter), np.zeros_like(parameter)
        self.steps += 1
        parameter -= lr * self.weight_decay * (parameter - rest)
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        denominator = np.sqrt(self.second) / np.sqrt(1 - 0.999**self.steps) + 1e-8
        parameter -= unit * lr / (1 - 0.9**self.steps) * self.first / denominator


# --- centroids ------------------------------------------------------------------------------------------------------


def resize(sample, steps):
    """[T,F] -> [steps,F] by linear interpolation, end points kept; one step takes the first."""
    at = np.arange(steps) * (len(sample) - 1) / max(steps - 1, 1)
    low = np.minimum(np.floor(at).astype(int), len(sample) - 1)
    high = np.minimum(low + 1, len(sample) - 1)
    share = (at - low)[:, None]
    return sample[low] * (1 - share) + sample[high] * share


def medoid(resized):
    """Index of the sample [n,K,F] with the smallest column sum of unweighted distances, the lowest of equal ones."""
    lengths = np.full(len(resized), resized.shape[1])
    total = accumulate(costs(resized, np.ones_like(resized), resized))  # [sample as m, sample as centroid, K, K]
    return int(np.argmin(total[np.arange(len(resized)), :, -1, lengths - 1].sum(0)))


def barycenter(samples, steps, iterations=100):
    """Centroid [steps,F] of the samples [T,F] of one class: align to the centroid, average what was aligned, repeat."""
    resized = np.stack([resize(np.asarray(sample, dtype=float), steps) for sample in samples])
    lengths = np.full(len(resized), steps)
    centroid = resized[medoid(resized)]
    for _ in range(iterations):
        cost = costs(centroid[None], np.ones((1, *centroid.shape)), resized)
        mask = walk_back(accumulate(cost), lengths)[:, 0].astype(float)
        mean = np.einsum("bkt,btf->kf", mask, resized) / mask.sum((0, 2))[:, None]
        if np.array_equal(mean, centroid):
            break
        centroid = mean
    return centroid


def deviations(samples):
    """[F] standard deviations over all steps; a feature that does not vary has the geometric mean of the others."""
    found = np.concatenate(samples).astype(float).std(0)
    varies = found > 1e-6 * np.abs(np.concatenate(samples).mean(0))
    others = np.exp(np.log(found[varies]).mean()) if varies.any() else 1.0
    return np.where(varies, found, others)


def spread(samples, slope=False):
    """[F] deviations, those of one unit united. Where the last half are slopes, each is of the unit of its feature."""
    found = deviations(samples)
    plain = found[: len(found) // 2] if slope else found
    order = np.argsort(plain, kind="stable")
    borders = np.flatnonzero(plain[order[1:]] >= 30 * plain[order[:-1]]) + 1
    united = found.copy()
    for of_unit in np.split(order, borders):
        for first in (0, len(plain)) if slope else (0,):
            united[first + of_unit] = np.exp(np.log(found[first + of_unit]).mean())
    return united


def initial_centroids(samples, labels, classes, steps, iterations=100, unit=1.0):
    """[C,K,F] from all samples of every class (the program draws some where a class has more than 50), aligned in `unit`."""
    of_class = lambda c: [sample / unit for sample, label in zip(samples, labels) if label == c]
    return unit * np.stack([barycenter(of_class(c), steps, iterations) for c in range(classes)])


def supersampling(samples, classes):
    """The baseline without alignment: mean over time, then the best of the encoder's logits, the last C features."""
    return np.array([np.argmax(np.mean(sample, axis=0)[-classes:]) for sample in samples])


# --- training -------------------------------------------------------------------------------------------------------


@dataclass
class History:
    steps: list = field(default_factory=list)  # dicts with epoch, step, loss, lr, samples
    epochs: list = field(
        default_factory=list
    )  # dicts with epoch, train_loss, train_top1 and, after a validation, val_*


class Model:
    """Centroids and log_weights [C,K,F], with the copy from which the paths of an epoch come."""

    def __init__(self, centroids, log_weights=None):
        self.centroids = np.array(centroids, dtype=float)
        self.log_weights = np.zeros_like(self.centroids) if log_weights is None else np.array(log_weights, dtype=float)
        self.freeze()

    def freeze(self):
        self.frozen = self.centroids.copy(), self.log_weights.copy()

    def distances(self, samples, settings, from_frozen):
        """Distances [B,C] with live parameters along the chosen paths, and (slope, intercept) of those paths."""
        padded, lengths = pad(samples)
        source = self.frozen if from_frozen else (self.centroids, self.log_weights)
        on_path = paths(*source, padded, lengths, settings.diagonal)
        slope, intercept = slope_intercept(self.centroids, padded, on_path, settings.tie_sign)
        return (np.exp(self.log_weights) * (self.centroids * slope + intercept)).sum((-2, -1)), slope, intercept

    def loss_and_gradients(self, samples, labels, settings):
        """(loss of every sample, logits, gradient of the mean loss for centroids and for log_weights)."""
        distance, slope, intercept = self.distances(samples, settings, settings.refresh == "epoch")
        losses, by_logit = cross_entropy(
            -distance, labels, settings.logit_norm, settings.logit_scale, settings.label_smoothing
        )
        by_distance = -by_logit / len(labels)
        weights = np.exp(self.log_weights)
        return (
            losses,
            -distance,
            weights * np.einsum("bc,bckf->ckf", by_distance, slope),
            weights * np.einsum("bc,bckf->ckf", by_distance, self.centroids * slope + intercept),
        )

    def evaluate(self, samples, labels, settings):
        """Logits [B,C] and the validation numbers."""
        logits = -self.distances(samples, settings, settings.eval_paths == "frozen")[0]
        losses, _ = cross_entropy(logits, labels, settings.logit_norm, settings.logit_scale)
        return logits, {
            "val_loss": losses.mean(),
            "val_top1": within_top(logits, labels, 1).mean(),
            "val_top5": within_top(logits, labels, 5).mean(),
        }

    def train(self, samples, labels, settings, validation=None):
        """Trains in the order of `samples`. `validation` is (samples, labels). Returns the History."""
        history = History()
        centroid_optimiser, weight_optimiser = AdamW(settings.weight_decay), AdamW(settings.weight_decay)
        unit = spread(samples, settings.slope) if settings.in_spreads else np.ones(self.centroids.shape[-1])
        labels = np.asarray(labels)
        for epoch in range(settings.epochs):
            self.freeze()
            lr = cosine(settings.lr, epoch, settings.epochs)
            loss_sum, correct = 0.0, 0
            for start in range(0, len(samples), settings.batch_size):
                batch = slice(start, min(start + settings.batch_size, len(samples)))
                losses, logits, by_centroid, by_weight = self.loss_and_gradients(
                    samples[batch], labels[batch], settings
                )
                history.steps.append(
                    {
                        "epoch": epoch,
                        "step": len(history.steps),
                        "loss": losses.mean(),
                        "lr": lr,
                        "samples": len(losses),
                    }
                )
                loss_sum += losses.sum()
                correct += within_top(logits, labels[batch], 1).sum()
                if settings.learn_centroids:
                    centroid_optimiser.update(self.centroids, by_centroid, lr * settings.centroid_lr_ratio, unit)
                if settings.learn_weights:
                    weight_optimiser.update(self.log_weights, by_weight, lr, rest=-np.log(unit))
            record = {"epoch": epoch, "train_loss": loss_sum / len(samples), "train_top1": correct / len(samples)}
            if validation is not None:
                record.update(self.evaluate(*validation, settings)[1])
            history.epochs.append(record)
        return history
