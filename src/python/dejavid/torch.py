"""Operations for torch over ragged sequences of any length: DejaVid's weighted DTW and soft-DTW, with first derivatives.

Sequences come, in every function, as
  - a list or tuple of tensors [T, F] whose T may differ (or [T], of one feature),
  - one tensor [B, T, F],
  - a nested tensor of layout torch.jagged, or
  - rows [S, F] of all sequences with offsets [B+1], int64: sequence b is rows offsets[b] to offsets[b+1] - 1. Rows before the
    first and behind the last sequence are not read. Every sequence has a step at least; B may be 0.

Numbers are float32 or float64, all alike, on the CPU; results have their type. Kernels in float32 are the fast ones; weighted_dtw in
float64 is the plain reference, for checks. Work is shared by torch.get_num_threads() threads; the result does not depend on them.
Where something is wrong, ValueError or TypeError names the argument. Second derivatives raise NotImplementedError.

The operations beneath are torch.ops.dejavid.weighted_dtw, soft_dtw and soft_dtw_of_distances; torch.compile takes them as they are.
"""

from ._torch_library import (  # first: it tells what is missing
    check_soft_dtw,
    check_soft_dtw_of_distances,
    check_weighted_dtw,
    number_of,
    require_no_tangents,
    require_numbers,
    require_one_device,
    require_real,
    require_tensor,
)

import torch  # noqa: E402, I001

__all__ = [
    "append_slopes",
    "concatenate",
    "expected_alignments",
    "path_cells",
    "soft_dtw",
    "soft_dtw_of_distances",
    "weighted_dtw",
]


def concatenate(sequences, name="sequences"):
    """(rows [S, F], offsets [B+1] int64) of sequences in any of the forms above."""
    return _rows_and_offsets(name, sequences, None)


def weighted_dtw(features, centroids, log_weights, *, offsets=None, diagonal=False, return_breakpoints=False):
    """DejaVid's distance of every sample to every class: the sum along the cheapest path of

        cost(i, j) = sum over f of exp(log_weights[c, i, f]) * |centroids[c, i, f] - features[j, f]|

    A path leads from (0, 0) to (K-1, T-1) in steps of one to the next i or the next j, with `diagonal` to both at once as well.

    Parameters
    ----------
    features : sequences, the samples
    centroids, log_weights : tensor [C, K, F]
    offsets : tensor [B+1], where features are rows [S, F]
    diagonal : bool, as the model's
    return_breakpoints : bool, whether to return the paths as well; `path_cells` reads them

    Returns
    -------
    distances [B, C]; with `return_breakpoints` also int32 [B, C, K-1]

    Gradients flow along the paths, as DejaVid's training has them, to features, centroids and log_weights. A centroid's and a
    feature's are 0 where the two are equal.

    `DejaVidClassifier.distances` are those of its `centroids_` and `log_weights_`, rounded to float32; a classifier with `slope`
    looks at samples through `append_slopes`.
    """
    rows, offsets = _rows_and_offsets("features", features, offsets)
    check_weighted_dtw(rows, offsets, centroids, log_weights)
    require_no_tangents(rows, centroids, log_weights)
    distances, breakpoints = torch.ops.dejavid.weighted_dtw(rows, offsets, centroids, log_weights, bool(diagonal))
    return (distances, breakpoints) if return_breakpoints else distances


def path_cells(breakpoints, length):
    """The cells [P, 2] (i, j) of one path, breakpoints [K-1], through a sample of `length` steps, from (0, 0) on."""
    require_tensor("breakpoints", breakpoints, 1, "[K-1]")
    if breakpoints.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"breakpoints: found {breakpoints.dtype}; expected int32, as weighted_dtw returns them")
    cells, first = [], 0
    for i, at in enumerate([*breakpoints.tolist(), length - 1]):
        last = at if at >= 0 else ~at
        if not first <= last < length:
            raise ValueError(
                f"breakpoints: found a path that leaves a sample of {length} steps in row {i}; expected one that weighted_dtw returned "
                "for a sample of this length"
            )
        cells += [(i, j) for j in range(first, last + 1)]
        first = last if at >= 0 else last + 1
    return torch.tensor(cells, dtype=torch.int64)


def append_slopes(features, *, offsets=None):
    """(rows [S, 2F], offsets): every sample followed, feature by feature, by how fast it changes, as `slope` of a model has it:

        (x[min(t + w, T-1)] - x[max(t - w, 0)]) / (2 w),   w = max(1, T/24 rounded)
    """
    rows, offsets = _rows_and_offsets("features", features, offsets)
    require_tensor("features", rows, 2, "[steps of all samples, F]")
    require_real("features", rows)
    require_numbers("offsets", offsets)
    require_one_device("features", rows, offsets=offsets)
    _require_order(offsets, rows.shape[0])
    if offsets.shape[0] < 2 or rows.shape[0] == 0:
        return torch.cat([rows, rows], 1), offsets
    step = torch.arange(rows.shape[0], device=rows.device)
    sample = (torch.searchsorted(offsets, step, right=True) - 1).clamp(0, offsets.shape[0] - 2)
    first, last = offsets[sample], offsets[sample + 1] - 1
    window = ((last + 1 - first + 12) // 24).clamp(min=1)
    # Rows of no sample have slopes that nobody reads.
    before = torch.maximum(step - window, first).clamp(0, rows.shape[0] - 1)
    after = torch.minimum(step + window, last).clamp(0, rows.shape[0] - 1)
    return torch.cat([rows, (rows[after] - rows[before]) / (2 * window).to(rows.dtype)[:, None]], 1), offsets


def soft_dtw(a, b, *, gamma=1.0, cost="squared_euclidean", a_offsets=None, b_offsets=None):
    """Soft-DTW (Cuturi and Blondel 2017) of every pair of sequences, [B]: r(n-1, m-1) of

        r(i, j) = D(i, j) + softmin(r(i-1, j), r(i, j-1), r(i-1, j-1)),   softmin x = -gamma log sum exp(-x / gamma)

    Parameters
    ----------
    a, b : sequences, as many of each
    gamma : float above 0; towards 0 the value becomes DTW's
    cost : D(i, j), "squared_euclidean": sum over f of (a[i, f] - b[j, f])^2, or "euclidean": its square root, where squares below
        1e-12 count as that and have no gradient
    a_offsets, b_offsets : tensors [B+1], where a or b are rows [S, F]

    Values may be negative. Costs are those of differences, tables are in float64. What a pair takes, some tables of n x m numbers,
    goes with it: memory holds as many pairs as there are threads. The way back computes a pair again.
    """
    a, a_offsets = _rows_and_offsets("a", a, a_offsets)
    b, b_offsets = _rows_and_offsets("b", b, b_offsets)
    gamma = number_of(gamma)
    check_soft_dtw(a, a_offsets, b, b_offsets, gamma, cost)
    require_no_tangents(a, b)
    return torch.ops.dejavid.soft_dtw(a, a_offsets, b, b_offsets, gamma, cost)


def soft_dtw_of_distances(distances, *, gamma=1.0, rows=None, columns=None):
    """Soft-DTW as of `soft_dtw`, [B], of given matrices D.

    `distances`: a list of B matrices [n, m] whose extents may differ, a tensor [B, n, m], or the numbers of all matrices one after the
    other with `rows` and `columns` [B], int64.
    """
    flat, rows, columns, _ = _matrices(distances, rows, columns)
    gamma = number_of(gamma)
    check_soft_dtw_of_distances(flat, rows, columns, gamma)
    require_no_tangents(flat)
    return torch.ops.dejavid.soft_dtw_of_distances(flat, rows, columns, gamma)


def expected_alignments(distances, *, gamma=1.0, rows=None, columns=None):
    """The gradient of `soft_dtw_of_distances` in the distances, in their form: the share of the paths that pass each cell. It is not
    itself differentiable."""
    flat, rows, columns, restore = _matrices(distances, rows, columns)
    gamma = number_of(gamma)
    check_soft_dtw_of_distances(flat, rows, columns, gamma)
    flat = flat.detach()
    ones = torch.ones(rows.shape[0], dtype=flat.dtype, device=flat.device)
    return restore(torch.ops.dejavid.soft_dtw_of_distances_gradient(ones, flat, rows, columns, gamma))


def _require_order(offsets, rows):
    """Where the numbers are there to be looked at: not in tracing."""
    if offsets.device.type == "meta" or torch.compiler.is_compiling() or isinstance(offsets, torch._subclasses.FakeTensor):
        return
    numbers = offsets.tolist()
    if numbers and (numbers[0] < 0 or numbers[-1] > rows or any(b <= a for a, b in zip(numbers, numbers[1:]))):
        raise ValueError(f"offsets: found {numbers[:8]}{'...' if len(numbers) > 8 else ''}; expected rising numbers of 0 to {rows}")


def _rows_and_offsets(name, sequences, offsets):
    offsets_name = f"{name}_offsets" if name in ("a", "b") else "offsets"
    if offsets is not None:
        if isinstance(sequences, (list, tuple)) or getattr(sequences, "is_nested", False):
            raise ValueError(f"{offsets_name}: found offsets beside sequences that have their own; expected None, or {name} as rows [S, F]")
        return sequences, offsets
    if isinstance(sequences, (list, tuple)):
        return _concatenated(name, sequences)
    if not isinstance(sequences, torch.Tensor):
        raise TypeError(f"{name}: found {type(sequences).__name__}; expected a tensor or a list of tensors")
    if sequences.is_nested:
        if sequences.layout != torch.jagged or sequences.dim() != 3 or sequences.lengths() is not None:
            raise ValueError(f"{name}: found another nested tensor; expected one of layout torch.jagged, [B, ragged, F], without gaps")
        return sequences.values(), sequences.offsets()
    if sequences.dim() != 3:
        raise ValueError(
            f"{name}: found shape {tuple(sequences.shape)}; expected [B, T, F], a list of [T, F], or rows [S, F] with {offsets_name}"
        )
    count, steps, _ = sequences.shape
    return sequences.flatten(0, 1), torch.arange(count + 1, device=sequences.device) * steps


def _concatenated(name, sequences):
    if len(sequences) == 0:
        raise ValueError(f"{name}: found an empty list; expected a sequence at least; no sequences are rows [0, F] with offsets [0]")
    columns = []
    for k, sequence in enumerate(sequences):
        if not isinstance(sequence, torch.Tensor):
            raise TypeError(f"{name}[{k}]: found {type(sequence).__name__}; expected a tensor [T, F]")
        if sequence.dim() == 1:
            sequence = sequence[:, None]
        require_tensor(f"{name}[{k}]", sequence, 2, "[T, F], or [T] of one feature")
        if sequence.shape[0] == 0:
            raise ValueError(f"{name}[{k}]: found no step; expected one at least")
        if columns and sequence.shape[1] != columns[0].shape[1]:
            raise ValueError(f"{name}[{k}]: found {sequence.shape[1]} features; expected {columns[0].shape[1]} as {name}[0] has")
        if columns and sequence.dtype != columns[0].dtype:
            raise TypeError(f"{name}[{k}]: found {sequence.dtype}; expected {columns[0].dtype} as {name}[0] has")
        columns.append(sequence)
    ends = [0]
    for sequence in columns:
        ends.append(ends[-1] + sequence.shape[0])
    return torch.cat(columns), torch.tensor(ends, device=columns[0].device)


def _matrices(distances, rows, columns):
    """Flat numbers, rows, columns, and what brings flat numbers back into the form of `distances`."""
    if rows is not None or columns is not None:
        if rows is None or columns is None:
            raise ValueError("rows and columns: found one of them; expected both, or neither")
        return distances, rows, columns, lambda flat: flat
    if isinstance(distances, (list, tuple)):
        for k, matrix in enumerate(distances):
            require_tensor(f"distances[{k}]", matrix, 2, "[n, m]")
        if len(distances) == 0:
            raise ValueError("distances: found an empty list; expected a matrix at least")
        shapes = [tuple(matrix.shape) for matrix in distances]
        flat = torch.cat([matrix.reshape(-1) for matrix in distances])
        rows, columns = (torch.tensor([shape[k] for shape in shapes], device=flat.device) for k in range(2))
        counts = [n * m for n, m in shapes]
        return flat, rows, columns, lambda flat: [part.view(s) for part, s in zip(flat.split(counts), shapes, strict=True)]
    require_tensor("distances", distances, 3, "[B, n, m], a list of [n, m], or numbers with rows and columns")
    count, n, m = distances.shape
    rows = torch.full((count,), n, dtype=torch.int64, device=distances.device)
    columns = torch.full((count,), m, dtype=torch.int64, device=distances.device)
    return distances.reshape(-1), rows, columns, lambda flat: flat.view(count, n, m)
