"""The dense layer of one sample."""

from __future__ import annotations

from samplewise.network import Dense
from samplewise_backends.reference.layers.base import Array, Backward, Forward, Gradients, Shape


def dense(_: Dense, input_shape: Shape) -> Forward:
    """z = W x + b, with x flattened (I,), W (O, I), b (O,).

    dW = dz x^T; db = dz; dx = W^T dz.
    """

    def forward(x: Array, W: Array, b: Array) -> tuple[Array, Backward]:
        row = x.ravel()

        def backward(dz: Array) -> Gradients:
            return (dz[:, None] * row, dz), lambda: (W.T @ dz).reshape(input_shape)

        return W @ row + b, backward

    return forward
