"""LRProp in double precision, written from its definition alone: it shares no code with the program that it checks.

A view is a list of frame numbers of one video. Rows are frames, Z rows of unit length, D distances of two views' rows.
"""

from dataclasses import dataclass

import numpy as np
from tape import Value, concatenated

NORM_EPSILON = 1e-5
SMALLEST_SQUARE = 1e-12  # of a distance: below it there is no gradient
NORMS = ("bn1", "bn2", "head_bn")


@dataclass(frozen=True)
class Sizes:
    """The names are those of the program's keys."""

    feature_dim: int = 5
    fc_width: int = 12
    hidden: int = 8
    heads: int = 2
    ff_width: int = 16
    layers: int = 2
    embedding: int = 6
    train_frames: int = 12


@dataclass(frozen=True)
class Settings:
    lambda_same: float = 1.0
    lambda_prop: float = 0.1
    lambda_sdtw: float = 0.1
    temperature: float = 0.1
    sigma2: float = 100.0
    gamma: float = 0.1
    sdtw_reduction: str = "mean"
    lr: float = 1e-3
    weight_decay: float = 1e-5
    clip_norm: float = 10.0
    schedule: str = "cosine"
    epochs: int = 1


# --- encoder --------------------------------------------------------------------------------------------------------


def weight_shapes(sizes):
    """Every array of a model by its name, in torch's shapes."""
    shapes = {}

    def linear(name, outputs, inputs):
        shapes[name + ".weight"], shapes[name + ".bias"] = (outputs, inputs), (outputs,)

    def norm(name, width):
        shapes[name + ".weight"], shapes[name + ".bias"] = (width,), (width,)

    linear("fc1", sizes.fc_width, sizes.feature_dim)
    norm("bn1", sizes.fc_width)
    linear("fc2", sizes.fc_width, sizes.fc_width)
    norm("bn2", sizes.fc_width)
    linear("emb", sizes.hidden, sizes.fc_width)
    for layer in range(sizes.layers):
        block = f"layers.{layer}."
        norm(block + "norm1", sizes.hidden)
        for name in "qkvo":
            linear(block + name, sizes.hidden, sizes.hidden)
        norm(block + "norm2", sizes.hidden)
        linear(block + "ff1", sizes.ff_width, sizes.hidden)
        linear(block + "ff2", sizes.hidden, sizes.ff_width)
    linear("out", sizes.embedding, sizes.hidden)
    linear("head1", sizes.embedding, sizes.embedding)
    norm("head_bn", sizes.embedding)
    linear("head2", sizes.embedding, sizes.embedding)
    return shapes


def statistic_shapes(sizes):
    widths = dict(zip(NORMS, (sizes.fc_width, sizes.fc_width, sizes.embedding)))
    return {f"{name}.{which}": (width,) for name, width in widths.items() for which in ("running_mean", "running_var")}


def random_weights(sizes, seed=0):
    """Weights and running statistics of about the sizes that training has; no two layers alike."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in {**weight_shapes(sizes), **statistic_shapes(sizes)}.items():
        if len(shape) == 2:
            array = generator.normal(size=shape) / np.sqrt(shape[1])
        elif name.endswith("running_var"):
            array = generator.uniform(0.5, 2, size=shape)
        elif "norm" in name or "bn" in name:
            array = (1.0 if name.endswith(".weight") else 0.0) + 0.2 * generator.normal(size=shape)
        else:
            array = 0.2 * generator.normal(size=shape)
        weights[name] = array.astype(np.float32).astype(float)
    return weights


def is_trained(name, sizes):
    """False where no loss depends on the array: a batch norm, or a softmax, takes out what it adds."""
    last = f"layers.{sizes.layers - 1}.ff2.bias" if sizes.layers else "emb.bias"
    return name not in ("fc1.bias", "fc2.bias", "out.bias", "head1.bias", last) and not name.endswith(".k.bias")


def positions(places, hidden):
    """Channel c of place p: sin(p / 10000^(c / hidden)) where c is even, else the cosine."""
    channels = np.arange(hidden)
    angles = np.asarray(places, dtype=float)[:, None] / 10000 ** (channels / hidden)
    return np.where(channels % 2 == 0, np.sin(angles), np.cos(angles))


def unit_rows(rows):
    return rows / ((rows * rows).sum(1) ** 0.5)[:, None]


class Encoder:
    """`weights`: Values by name."""

    def __init__(self, sizes, weights):
        self.sizes = sizes
        self.weights = weights

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def layer_norm(self, name, x):
        centred = x - x.mean(1)[:, None]
        deviation = ((centred * centred).mean(1) + NORM_EPSILON) ** 0.5
        return centred / deviation[:, None] * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, block, x):
        width = self.sizes.hidden // self.sizes.heads
        q, k, v = (self.linear(block + name, x) for name in "qkv")
        heads = []
        for head in range(self.sizes.heads):
            own = (slice(None), slice(head * width, (head + 1) * width))
            heads.append((q[own] @ k[own].T / np.sqrt(width)).softmax() @ v[own])
        return self.linear(block + "o", concatenated(heads, 1))

    def blocks(self, x):
        """Of one sequence."""
        for layer in range(self.sizes.layers):
            block = f"layers.{layer}."
            x = x + self.attention(block, self.layer_norm(block + "norm1", x))
            within = self.linear(block + "ff1", self.layer_norm(block + "norm2", x)).relu()
            x = x + self.linear(block + "ff2", within)
        return self.linear("out", x)

    def encode(self, sequences, places, batch_norm):
        """Rows of every sequence before the head. `batch_norm(name, rows)`: of all sequences at once."""
        borders = np.cumsum([0, *map(len, sequences)])
        x = Value(np.concatenate(sequences))
        for number in "12":
            x = batch_norm("bn" + number, self.linear("fc" + number, x)).relu()
        x = self.linear("emb", x) + positions(np.concatenate(places), self.sizes.hidden)
        return [self.blocks(x[begin:end]) for begin, end in zip(borders, borders[1:])]

    def scaled(self, name, normed):
        return normed * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def embed(self, video, frames_per_pass=0):
        """Evaluation: running statistics, the whole video over [0, T-1], no head, rows of unit length. What is seen at
        once are equal parts of at most `frames_per_pass` frames."""

        def by_running(name, rows):
            mean, variance = (self.weights[f"{name}.running_{which}"].array for which in ("mean", "var"))
            return self.scaled(name, (rows - mean) / np.sqrt(variance + NORM_EPSILON))

        places = np.linspace(0, self.sizes.train_frames - 1, len(video))
        parts = -(-len(video) // frames_per_pass) if frames_per_pass else 1
        size = -(-len(video) // parts)
        seen = [slice(begin, begin + size) for begin in range(0, len(video), size)]
        return np.concatenate(
            [unit_rows(self.encode([video[part]], [places[part]], by_running)[0]).array for part in seen]
        )

    def project(self, sequences):
        """Training without dropout: statistics of these frames. ([Z of each sequence], {norm: (mean, variance, n)})."""
        statistics = {}

        def by_batch(name, rows):
            mean = rows.mean(0)
            centred = rows - mean
            variance = (centred * centred).mean(0)
            statistics[name] = mean.array, variance.array, len(rows.array)
            return self.scaled(name, centred / (variance + NORM_EPSILON) ** 0.5)

        rows = self.encode(sequences, [np.arange(len(sequence)) for sequence in sequences], by_batch)
        borders = np.cumsum([0, *map(len, sequences)])
        hidden = by_batch("head_bn", self.linear("head1", concatenated(rows))).relu()
        projected = unit_rows(self.linear("head2", hidden))
        return [projected[begin:end] for begin, end in zip(borders, borders[1:])], statistics


# --- losses ---------------------------------------------------------------------------------------------------------


def distances(one, other):
    """l2 distances [n,m] of rows; without a gradient where rows are the same."""
    differences = one[:, None] - other[None]
    squares = (differences * differences).sum(2)
    far = squares.array > SMALLEST_SQUARE
    result = np.sqrt(np.maximum(squares.array, SMALLEST_SQUARE))
    return Value(result, [(squares, lambda g: np.where(far, g / (2 * result), 0.0))])


def hard_path(cost):
    """Cells of the cheapest path; of equal ones diagonally, else one row up, else one column back, from its end."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for i in range(rows):
        for j in range(columns):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    cells, i, j = [], rows, columns
    while i > 0 and j > 0:
        cells.append((i - 1, j - 1))
        before = total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]
        step = before.index(min(before))
        i, j = i - (step != 2), j - (step != 1)
    return cells[::-1]


def soft_dtw(cost, gamma):
    """The soft minimum over all paths' costs, differentiable in `cost`."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    shares = np.zeros((rows + 1, columns + 1, 3))  # of the diagonal, upper and left cell in each soft minimum
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            before = np.array([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
            least = before.min()
            weights = np.exp((least - before) / gamma)
            total[i, j] = cost.array[i - 1, j - 1] + least - gamma * np.log(weights.sum())
            shares[i, j] = weights / weights.sum()

    def send(g):
        through = np.zeros((rows + 1, columns + 1))
        through[rows, columns] = 1
        for i in range(rows, 0, -1):
            for j in range(columns, 0, -1):
                through[i - 1, j - 1] += through[i, j] * shares[i, j, 0]
                through[i - 1, j] += through[i, j] * shares[i, j, 1]
                through[i, j - 1] += through[i, j] * shares[i, j, 2]
        return g * through[1:, 1:]

    return Value(total[rows, columns], [(cost, send)])


def divergence(own, other, own_frames, other_frames, settings):
    """mean_j KL(p || q): q(i|j) = softmax_i own_j . other_i / tau, p(i|j) = softmax_i -(s_j - s_i)^2 / (2 sigma^2)."""
    apart = np.subtract.outer(np.asarray(own_frames, dtype=float), np.asarray(other_frames, dtype=float))
    log_prior = Value(-(apart**2) / (2 * settings.sigma2)).log_softmax().array
    log_similar = (own @ other.T / settings.temperature).log_softmax()
    return ((-log_similar + log_prior) * np.exp(log_prior)).sum() / len(own_frames)


def carried(cost, own_frames):
    """Frame of the own video (columns of `cost`) beside each frame of the other (rows): the first on the path whose rows
    are the own video's frames."""
    first = {}
    for own, other in hard_path(cost.T):
        first.setdefault(other, own)
    return [own_frames[first[other]] for other in range(cost.shape[0])]


def terms_of(rows, frames, settings):
    """(same, prop, sdtw) of the views a0 a1 b0 b1, each a mean."""
    pair = lambda own, other: divergence(rows[own], rows[other], frames[own], frames[other], settings)
    same = (pair(0, 1) + pair(1, 0) + pair(2, 3) + pair(3, 2)) / 4
    prop, sdtw = Value(0.0), Value(0.0)
    for a in (0, 1):
        for b in (2, 3):
            cost = distances(rows[a], rows[b])
            beside_a, beside_b = carried(cost.array, frames[b]), carried(cost.array.T, frames[a])
            prop = prop + divergence(rows[b], rows[a], frames[b], beside_a, settings)
            prop = prop + divergence(rows[a], rows[b], frames[a], beside_b, settings)
            value = soft_dtw(cost, settings.gamma)
            sdtw = sdtw + (value / (sum(cost.shape) / 2) if settings.sdtw_reduction == "mean" else value)
    return same, prop / 8, sdtw / 4


# --- training -------------------------------------------------------------------------------------------------------


def learning_rate(settings, epoch):
    if settings.schedule == "constant":
        return settings.lr
    period = settings.epochs + (settings.schedule == "carl")
    return settings.lr * (1 + np.cos(np.pi * epoch / period)) / 2


def cosine_within(rows):
    """Mean cosine of two different rows."""
    similar = rows @ rows.T
    count = len(rows)
    return (similar.sum() - np.trace(similar)) / (count * (count - 1))


class Training:
    """Weights and running statistics, trained a pair a step by Adam with its decay in the gradient."""

    def __init__(self, sizes, weights, settings, feature_mean=0.0, feature_scale=1.0):
        self.sizes, self.settings = sizes, settings
        self.shift, self.unit = feature_mean, feature_scale
        self.weights = {name: np.array(array, dtype=float) for name, array in weights.items()}
        self.trained = [name for name in weight_shapes(sizes) if is_trained(name, sizes)]
        self.first = {name: np.zeros_like(self.weights[name]) for name in self.trained}
        self.second = {name: np.zeros_like(self.weights[name]) for name in self.trained}
        self.steps = 0

    def loss(self, pairs):
        """The mean over pairs ((video A, video B), four views). (terms as numbers, their loss and what it hangs on)."""
        leaves = {name: Value(array) for name, array in self.weights.items()}
        encoder, settings = Encoder(self.sizes, leaves), self.settings
        sequences = [
            (np.asarray(videos[view // 2], dtype=float)[views[view]] - self.shift) / self.unit
            for videos, views in pairs
            for view in range(4)
        ]
        rows, statistics = encoder.project(sequences)
        loss, numbers = Value(0.0), dict.fromkeys(("same", "prop", "sdtw", "cosine"), 0.0)
        for n, (_, views) in enumerate(pairs):
            of_pair = rows[4 * n : 4 * n + 4]
            terms = dict(zip(("same", "prop", "sdtw"), terms_of(of_pair, views, settings)))
            for name, term in terms.items():
                loss = loss + term * getattr(settings, "lambda_" + name) / len(pairs)
                numbers[name] += float(term.array) / len(pairs)
            numbers["cosine"] += np.mean([cosine_within(view.array) for view in of_pair]) / len(pairs)
        numbers["loss"] = float(loss.array)
        return numbers, loss, leaves, statistics

    def step(self, pairs, epoch=0):
        """One step; the record of it as metrics.jsonl has it."""
        numbers, loss, leaves, statistics = self.loss(pairs)
        loss.backward()
        gradients = {name: leaves[name].gradient for name in self.trained}
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        clip = self.settings.clip_norm
        factor = min(1.0, clip / (norm + 1e-6)) if clip > 0 else 1.0
        lr = learning_rate(self.settings, epoch)
        self.steps += 1
        for name in self.trained:
            gradient = factor * gradients[name] + self.settings.weight_decay * self.weights[name]
            self.first[name] = 0.9 * self.first[name] + 0.1 * gradient
            self.second[name] = 0.999 * self.second[name] + 0.001 * gradient**2
            root = np.sqrt(self.second[name] / (1 - 0.999**self.steps)) + 1e-8
            self.weights[name] -= lr * self.first[name] / (1 - 0.9**self.steps) / root
        for name, (mean, variance, count) in statistics.items():
            for which, now in (("mean", mean), ("var", variance * count / max(count - 1, 1))):
                self.weights[f"{name}.running_{which}"] *= 0.9
                self.weights[f"{name}.running_{which}"] += 0.1 * now
        return {"epoch": epoch, "step": self.steps - 1, **numbers, "grad_norm": norm, "lr": lr}
