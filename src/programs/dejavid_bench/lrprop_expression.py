"""Times a training step of LRProp as one writes it in PyTorch: modules, autograd, its fused Adam, soft-DTW by tensor
operations and hard DTW by NumPy's, anti-diagonal by anti-diagonal. Started by `dejavid_bench lrprop`.

All four views of the pair have T frames, so that they are one batch without padding or masks. FOLDER holds problem.json and, as raw f32, weights and statistics in the order of problem.json's lists, and views
[4,T,F] (a0 a1 b0 b1). Writes FOLDER/results.json. Exit codes besides 0: 3 no torch; the last line on stderr says what
was found.
"""

import json
import sys
import time
from pathlib import Path

NO_TORCH = 3
OWN, OTHER = [0, 1, 2, 3], [1, 0, 3, 2]  # views that L_same compares
A, B = [0, 0, 1, 1], [2, 3, 2, 3]  # pairs of views of two videos
FAR = 1e10  # what cannot be reached


def leave(code, line):
    print(line, file=sys.stderr)
    sys.exit(code)


try:
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
except Exception as error:  # a wheel without its companions fails in many ways
    leave(NO_TORCH, " ".join(f"{type(error).__name__}: {error}".split())[:300])


class Block(nn.Module):
    def __init__(self, hidden, heads, ff_width, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.q, self.k, self.v, self.o = (nn.Linear(hidden, hidden) for _ in range(4))
        self.ff1, self.ff2 = nn.Linear(hidden, ff_width), nn.Linear(ff_width, hidden)
        self.heads, self.dropout = heads, nn.Dropout(dropout)

    def forward(self, x):
        normed = self.norm1(x)
        q, k, v = (layer(normed).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.dropout(self.o(mixed))
        return x + self.dropout(self.ff2(F.relu(self.ff1(self.norm2(x)))))


class Encoder(nn.Module):
    def __init__(self, sizes, dropout):
        super().__init__()
        features, fc_width, hidden, embedding = (sizes[name] for name in ("features", "fc_width", "hidden", "embedding"))
        self.fc1, self.bn1 = nn.Linear(features, fc_width), nn.BatchNorm1d(fc_width)
        self.fc2, self.bn2 = nn.Linear(fc_width, fc_width), nn.BatchNorm1d(fc_width)
        self.emb = nn.Linear(fc_width, hidden)
        self.layers = nn.ModuleList(Block(hidden, sizes["heads"], sizes["ff_width"], dropout) for _ in range(sizes["layers"]))
        self.out = nn.Linear(hidden, embedding)
        self.head1, self.head_bn, self.head2 = nn.Linear(embedding, embedding), nn.BatchNorm1d(embedding), nn.Linear(embedding, embedding)
        self.dropout = nn.Dropout(dropout)
        channel = torch.arange(hidden, dtype=torch.float64)
        angle = torch.arange(sizes["frames"], dtype=torch.float64)[:, None] / 10000 ** (channel / hidden)
        table = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
        self.register_buffer("positions", table.float(), persistent=False)

    def forward(self, x):
        """Rows of unit length, [views,T,E]."""
        normed = lambda norm, x: norm(x.flatten(0, 1)).view_as(x)  # over all frames
        x = F.relu(normed(self.bn1, self.fc1(self.dropout(x))))
        x = F.relu(normed(self.bn2, self.fc2(self.dropout(x))))
        x = self.dropout(self.emb(x) + self.positions)
        for layer in self.layers:
            x = layer(x)
        return F.normalize(self.head2(F.relu(normed(self.head_bn, self.head1(self.out(x))))), dim=2)


def divergence(own, other, own_frames, other_frames, settings):
    """mean_j KL(p || q), over all pairs of views."""
    similarity = own @ other.transpose(1, 2) / settings["temperature"]
    prior = (own_frames[:, :, None] - other_frames[:, None, :]).square() / (-2 * settings["sigma2"])
    terms = F.kl_div(similarity.log_softmax(2), prior.log_softmax(2), reduction="none", log_target=True)
    return terms.sum(2).mean()


def soft_dtw(distances, gamma):
    """r(n-1,m-1) of each of [pairs,n,m], anti-diagonal by anti-diagonal."""
    pairs, n, m = distances.shape
    skewed = F.pad(distances, (0, n), value=FAR).flatten(1)[:, :-n].view(pairs, n, n + m - 1)  # row i begins at column i
    far = distances.new_full((pairs, 1), FAR)
    before = distances.new_full((pairs, n + 1), FAR)
    two_before = torch.cat([torch.zeros_like(far), before[:, 1:]], 1)
    for diagonal in skewed.transpose(1, 2).contiguous().unbind(1):
        three = torch.stack([two_before[:, :-1], before[:, :-1], before[:, 1:]])
        reached = torch.cat([far, diagonal - gamma * torch.logsumexp(three / -gamma, 0)], 1)
        two_before, before = before, reached
    return before[:, -1]


def propagated(distances):
    """For each column the first row on the path of least cost, of each of [pairs,n,m]."""
    pairs, n, m = distances.shape
    padded = np.pad(distances.astype(np.float64), ((0, 0), (0, 0), (0, n)), constant_values=np.inf)
    skewed = padded.reshape(pairs, -1)[:, :-n].reshape(pairs, n, n + m - 1).transpose(2, 0, 1).copy()
    before = np.full((pairs, n + 1), np.inf)
    two_before = before.copy()
    two_before[:, 0] = 0
    choices = np.empty(skewed.shape, np.intp)
    for diagonal, choice in zip(skewed, choices):
        three = np.stack([two_before[:, :-1], before[:, :-1], before[:, 1:]])
        three.argmin(0, out=choice)
        reached = np.full((pairs, n + 1), np.inf)
        reached[:, 1:] = diagonal + three.min(0)
        two_before, before = before, reached
    first = np.zeros((pairs, m), np.int64)
    for pair in range(pairs):
        i, j = n - 1, m - 1
        while i >= 0 and j >= 0:
            first[pair, j] = i
            choice = choices[i + j, pair, i]  # corner, above, left
            i, j = i - (choice != 2), j - (choice != 1)
    return first


def losses(z, frames, settings):
    """The weighted sum."""
    compared = lambda own, other, own_frames, other_frames: divergence(z[own], z[other], own_frames, other_frames, settings)
    same = compared(OWN, OTHER, frames[OWN], frames[OTHER])
    distances = torch.cdist(z[A], z[B])
    fixed = distances.detach().numpy()
    of_b, of_a = (torch.from_numpy(propagated(each)) for each in (fixed, fixed.transpose(0, 2, 1)))
    prop = (compared(A, B, frames[A], frames[A].gather(1, of_b)) + compared(B, A, frames[B], frames[B].gather(1, of_a))) / 2
    sdtw = soft_dtw(distances, settings["gamma"]).mean() / z.shape[1]  # (n + m) / 2 of each
    return settings["lambda_same"] * same + settings["lambda_prop"] * prop + settings["lambda_sdtw"] * sdtw


def main(folder):
    problem = json.loads((folder / "problem.json").read_text())
    sizes, settings = problem["sizes"], problem["loss"]
    torch.set_num_threads(problem["threads"])
    read = lambda name: torch.frombuffer(bytearray((folder / name).read_bytes()), dtype=torch.float32)
    arrays = {}
    for name in ("weights", "statistics"):
        parts = read(name).split([int(np.prod(array["shape"])) for array in problem[name]])
        arrays.update({array["name"]: part.view(array["shape"]) for array, part in zip(problem[name], parts)})
    views, frames = read("views").view(4, sizes["frames"], sizes["features"]), torch.tensor(problem["frames"], dtype=torch.float32)

    def encoder(dropout):
        model = Encoder(sizes, dropout)
        found = model.load_state_dict(arrays, strict=False)
        if found.unexpected_keys or any("num_batches" not in name for name in found.missing_keys):
            raise KeyError(f"the encoder's arrays: {found}")
        return model.train()

    result = {"version": torch.__version__}
    with torch.no_grad():
        result["loss"] = losses(encoder(0)(views), frames, settings).item()

    model = encoder(problem["dropout"])
    optimizer = torch.optim.Adam(model.parameters(), lr=problem["lr"], weight_decay=problem["weight_decay"], fused=True)

    def step():
        """Seconds of each phase."""
        times = [time.perf_counter()]
        lap = lambda: times.append(time.perf_counter())
        optimizer.zero_grad()
        z = model(views)
        lap()
        loss = losses(z, frames, settings)
        lap()
        loss.backward()
        lap()
        norm = nn.utils.clip_grad_norm_(model.parameters(), problem["clip_norm"])
        lap()
        optimizer.step()
        lap()
        assert norm.isfinite()
        return np.diff(times)

    for _ in range(problem["warm_steps"]):
        step()
    begin, begin_cpu, steps = time.perf_counter(), time.process_time(), []
    while not steps or time.perf_counter() - begin < problem["seconds"]:
        steps.append(step())
    result["seconds"] = (time.perf_counter() - begin) / len(steps)
    result["cpu_seconds"] = (time.process_time() - begin_cpu) / len(steps)
    result["phases"] = np.mean(steps, 0).tolist()
    (folder / "results.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
