"""Makes torch.ops.dejavid: opens the library and tells torch its shapes and derivatives.

Static checks of shapes and types are here, so that tracing meets them too; the library repeats them and looks at the numbers."""

import os

from ._find_torch import AGAIN, find_torch

_LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libdejavid_operations.so")
_AGAIN = f"{AGAIN} builds dejavid again, for the torch that is there"

torch = find_torch("dejavid.torch", lambda found: found >= (2, 10), "2.10 or later", f"install it, then {_AGAIN}")
if not os.path.exists(_LIBRARY):
    raise ImportError(f"dejavid.torch: found a dejavid that was built without torch; expected {_LIBRARY}; {_AGAIN}")
try:
    torch.ops.load_library(_LIBRARY)
except OSError as error:
    raise ImportError(f"dejavid.torch: found {_LIBRARY}, which does not open ({error}); {_AGAIN}") from error

REAL = (torch.float32, torch.float64)
COSTS = ("squared_euclidean", "euclidean")


# ---- checks


def require_tensor(name, tensor, dimensions, words):
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{name}: found {type(tensor).__name__}; expected a tensor {words}")
    if tensor.dim() != dimensions:
        raise ValueError(f"{name}: found shape {tuple(tensor.shape)}; expected {words}")
    if tensor.device.type not in ("cpu", "meta"):
        raise ValueError(f"{name}: found device {tensor.device}; expected cpu, where alone this is computed; use {name}.cpu()")


def require_one_device(first_name, first, **others):
    for name, tensor in others.items():
        if tensor.device != first.device:
            raise ValueError(f"{name}: found device {tensor.device}; expected {first.device} as {first_name} has")


def require_real(first_name, first, **others):
    """All float32, or all float64."""
    if first.dtype not in REAL:
        raise TypeError(f"{first_name}: found {first.dtype}; expected float32 or float64; use {first_name}.float()")
    for name, tensor in others.items():
        if tensor.dtype != first.dtype:
            raise TypeError(f"{name}: found {tensor.dtype}; expected {first.dtype} as {first_name} has")


def require_numbers(name, tensor, words="[B+1]"):
    require_tensor(name, tensor, 1, f"{words} of row numbers")
    if tensor.dtype != torch.int64:
        raise TypeError(f"{name}: found {tensor.dtype}; expected int64; use {name}.long()")


def require_offsets(name, tensor):
    require_numbers(name, tensor)
    if tensor.shape[0] < 1:
        raise ValueError(f"{name}: found no number; expected one more than there are sequences")


def check_weighted_dtw(features, offsets, centroids, log_weights):
    require_tensor("features", features, 2, "[steps of all samples, F]")
    require_tensor("centroids", centroids, 3, "[C, K, F]")
    require_tensor("log_weights", log_weights, 3, "[C, K, F]")
    require_real("features", features, centroids=centroids, log_weights=log_weights)
    require_offsets("offsets", offsets)
    require_one_device("features", features, offsets=offsets, centroids=centroids, log_weights=log_weights)
    if centroids.shape[2] != features.shape[1]:
        raise ValueError(f"centroids: found {centroids.shape[2]} features; expected {features.shape[1]} as features has")
    if centroids.shape[0] < 1 or centroids.shape[1] < 1 or centroids.shape[2] < 1:
        raise ValueError(f"centroids: found shape {tuple(centroids.shape)}; expected at least one class, step and feature")
    if log_weights.shape != centroids.shape:
        raise ValueError(f"log_weights: found shape {tuple(log_weights.shape)}; expected {tuple(centroids.shape)} as centroids has")


def require_no_tangents(*tensors):
    """torch takes the derivatives of forward mode for zeros where an operation has none."""
    forward = torch.autograd.forward_ad
    if forward._current_level >= 0 and any(forward.unpack_dual(tensor).tangent is not None for tensor in tensors):
        raise NotImplementedError(
            "dejavid.torch: found a derivative in forward mode asked for (jvp, jacfwd); expected reverse mode; use backward(), vjp or jacrev"
        )


def number_of(gamma):
    """gamma as a float: it has no gradient."""
    if isinstance(gamma, torch.Tensor):
        raise TypeError("gamma: found a tensor; expected a number, as there is no gradient in it; use gamma.item()")
    return float(gamma)


def check_gamma(gamma):
    if not 0 < gamma <= 1e100:
        raise ValueError(f"gamma: found {gamma!r}; expected a number above 0, at most 1e100")


def check_soft_dtw(a, a_offsets, b, b_offsets, gamma, cost):
    require_tensor("a", a, 2, "[steps of all sequences, F]")
    require_tensor("b", b, 2, "[steps of all sequences, F]")
    require_real("a", a, b=b)
    require_offsets("a_offsets", a_offsets)
    require_offsets("b_offsets", b_offsets)
    require_one_device("a", a, a_offsets=a_offsets, b=b, b_offsets=b_offsets)
    if a.shape[1] < 1:
        raise ValueError(f"a: found shape {tuple(a.shape)}; expected at least one feature")
    if b.shape[1] != a.shape[1]:
        raise ValueError(f"b: found {b.shape[1]} features; expected {a.shape[1]} as a has")
    if b_offsets.shape[0] != a_offsets.shape[0]:
        raise ValueError(f"b: found {b_offsets.shape[0] - 1} sequences; expected {a_offsets.shape[0] - 1} as a has")
    check_gamma(gamma)
    if cost not in COSTS:
        raise ValueError(f"cost: found {cost!r}; expected {COSTS[0]!r} or {COSTS[1]!r}")


def check_soft_dtw_of_distances(distances, rows, columns, gamma):
    require_tensor("distances", distances, 1, "[numbers of all matrices]")
    require_real("distances", distances)
    require_numbers("rows", rows, "[B]")
    require_numbers("columns", columns, "[B]")
    require_one_device("distances", distances, rows=rows, columns=columns)
    if columns.shape[0] != rows.shape[0]:
        raise ValueError(f"columns: found {columns.shape[0]} numbers; expected {rows.shape[0]} as rows has")
    check_gamma(gamma)


# ---- shapes


@torch.library.register_fake("dejavid::weighted_dtw")
def _(features, offsets, centroids, log_weights, diagonal):
    check_weighted_dtw(features, offsets, centroids, log_weights)
    samples, classes, steps = offsets.shape[0] - 1, centroids.shape[0], centroids.shape[1]
    return features.new_empty(samples, classes), features.new_empty(samples, classes, steps - 1, dtype=torch.int32)


@torch.library.register_fake("dejavid::weighted_dtw_parameter_gradient")
def _(distance_gradient, features, offsets, centroids, log_weights, breakpoints):
    return centroids.new_empty(centroids.shape), log_weights.new_empty(log_weights.shape)


@torch.library.register_fake("dejavid::weighted_dtw_feature_gradient")
def _(distance_gradient, features, offsets, centroids, log_weights, breakpoints):
    return features.new_empty(features.shape)


@torch.library.register_fake("dejavid::soft_dtw")
def _(a, a_offsets, b, b_offsets, gamma, cost):
    check_soft_dtw(a, a_offsets, b, b_offsets, gamma, cost)
    return a.new_empty(a_offsets.shape[0] - 1)


@torch.library.register_fake("dejavid::soft_dtw_gradient")
def _(value_gradient, a, a_offsets, b, b_offsets, gamma, cost):
    return a.new_empty(a.shape), b.new_empty(b.shape)


@torch.library.register_fake("dejavid::soft_dtw_of_distances")
def _(distances, rows, columns, gamma):
    check_soft_dtw_of_distances(distances, rows, columns, gamma)
    return distances.new_empty(rows.shape[0])


@torch.library.register_fake("dejavid::soft_dtw_of_distances_gradient")
def _(value_gradient, distances, rows, columns, gamma):
    return distances.new_empty(distances.shape)


# ---- derivatives


def _weighted_dtw_context(ctx, inputs, output):
    features, offsets, centroids, log_weights, _ = inputs
    ctx.save_for_backward(features, offsets, centroids, log_weights, output[1])


def _weighted_dtw_backward(ctx, distance_gradient, _):
    saved = ctx.saved_tensors
    features = centroids = log_weights = None
    if ctx.needs_input_grad[0]:
        features = torch.ops.dejavid.weighted_dtw_feature_gradient(distance_gradient, *saved)
    if ctx.needs_input_grad[2] or ctx.needs_input_grad[3]:
        centroids, log_weights = torch.ops.dejavid.weighted_dtw_parameter_gradient(distance_gradient, *saved)
    return features, None, centroids, log_weights, None


def _soft_dtw_context(ctx, inputs, output):
    *tensors, ctx.gamma, ctx.cost = inputs
    ctx.save_for_backward(*tensors)


def _soft_dtw_backward(ctx, value_gradient):
    a, b = torch.ops.dejavid.soft_dtw_gradient(value_gradient, *ctx.saved_tensors, ctx.gamma, ctx.cost)
    return a, None, b, None, None, None


def _soft_dtw_of_distances_context(ctx, inputs, output):
    *tensors, ctx.gamma = inputs
    ctx.save_for_backward(*tensors)


def _soft_dtw_of_distances_backward(ctx, value_gradient):
    gradient = torch.ops.dejavid.soft_dtw_of_distances_gradient(value_gradient, *ctx.saved_tensors, ctx.gamma)
    return gradient, None, None, None


def _no_second_derivative(of):
    def backward(ctx, *gradients):
        raise NotImplementedError(
            f"dejavid::{of}: found a derivative of its gradient asked for; expected first derivatives alone; leave create_graph out"
        )

    return backward


_DIFFERENTIABLE = {
    "weighted_dtw": (_weighted_dtw_backward, _weighted_dtw_context, ("_parameter_gradient", "_feature_gradient")),
    "soft_dtw": (_soft_dtw_backward, _soft_dtw_context, ("_gradient",)),
    "soft_dtw_of_distances": (_soft_dtw_of_distances_backward, _soft_dtw_of_distances_context, ("_gradient",)),
}
for _name, (_backward, _context, _gradients) in _DIFFERENTIABLE.items():
    torch.library.register_autograd(f"dejavid::{_name}", _backward, setup_context=_context)
    for _gradient in _gradients:
        torch.library.register_autograd(f"dejavid::{_name}{_gradient}", _no_second_derivative(_name))
