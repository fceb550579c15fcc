"""Reverse-mode differentiation of numpy expressions in double precision: a value remembers what it was made of."""

import numpy as np


def summed_to(gradient, shape):
    """The gradient of what was broadcast from `shape`."""
    while gradient.ndim > len(shape):
        gradient = gradient.sum(0)
    for axis, extent in enumerate(shape):
        if extent == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis, keepdims=True)
    return gradient


class Value:
    """An array and how to send a gradient back to the arrays that it was computed from."""

    def __init__(self, array, parents=()):
        self.array = np.asarray(array, dtype=float)
        self.parents = parents  # pairs (value, function from this gradient to its)
        self.gradient = None

    @property
    def shape(self):
        return self.array.shape

    def backward(self):
        """Fills `gradient` of everything this scalar depends on."""
        order, seen = [], set()

        def visit(value):
            if id(value) in seen:
                return
            seen.add(id(value))
            for parent, _ in value.parents:
                visit(parent)
            order.append(value)

        visit(self)
        self.gradient = np.ones(self.shape)
        for value in reversed(order):
            for parent, send in value.parents:
                sent = send(value.gradient)
                parent.gradient = sent if parent.gradient is None else parent.gradient + sent

    def __add__(self, other):
        other = value_of(other)
        return Value(
            self.array + other.array,
            [(self, lambda g: summed_to(g, self.shape)), (other, lambda g: summed_to(g, other.shape))],
        )

    def __neg__(self):
        return Value(-self.array, [(self, lambda g: -g)])

    def __sub__(self, other):
        return self + -value_of(other)

    def __mul__(self, other):
        other = value_of(other)
        return Value(
            self.array * other.array,
            [
                (self, lambda g: summed_to(g * other.array, self.shape)),
                (other, lambda g: summed_to(g * self.array, other.shape)),
            ],
        )

    def __pow__(self, exponent):
        return Value(self.array**exponent, [(self, lambda g: g * exponent * self.array ** (exponent - 1))])

    def __truediv__(self, other):
        return self * value_of(other) ** -1

    def __matmul__(self, other):
        """Of matrices."""
        return Value(
            self.array @ other.array, [(self, lambda g: g @ other.array.T), (other, lambda g: self.array.T @ g)]
        )

    def __getitem__(self, where):
        def send(g):
            whole = np.zeros(self.shape)
            np.add.at(whole, where, g)
            return whole

        return Value(self.array[where], [(self, send)])

    @property
    def T(self):
        return Value(self.array.T, [(self, lambda g: g.T)])

    def relu(self):
        return Value(np.maximum(self.array, 0), [(self, lambda g: g * (self.array > 0))])

    def sum(self, axis=None):
        def send(g):
            return np.broadcast_to(g if axis is None else np.expand_dims(g, axis), self.shape)

        return Value(self.array.sum(axis), [(self, send)])

    def mean(self, axis=None):
        return self.sum(axis) / (self.array.size if axis is None else self.shape[axis])

    def log_softmax(self):
        """Over the last axis."""
        shifted = self.array - self.array.max(-1, keepdims=True)
        result = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        return Value(result, [(self, lambda g: g - np.exp(result) * g.sum(-1, keepdims=True))])

    def softmax(self):
        logs = self.log_softmax()
        return Value(np.exp(logs.array), [(logs, lambda g: g * np.exp(logs.array))])


def value_of(thing):
    return thing if isinstance(thing, Value) else Value(thing)


def concatenated(values, axis=0):
    """One array of all of them."""
    borders = np.cumsum([0, *(value.shape[axis] for value in values)])

    def part(n):
        return lambda g: np.take(g, range(borders[n], borders[n + 1]), axis)

    return Value(
        np.concatenate([value.array for value in values], axis), [(value, part(n)) for n, value in enumerate(values)]
    )
