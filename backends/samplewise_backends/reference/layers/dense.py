"""The dense layer of one sample, forward beside backward."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.network import Layer

Array = NDArray[Any]


class Dense:
    """z = W x + b, with x flattened (I,), W (O, I), b (O,)."""

    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        del layer
        self._input_shape = input_shape

    def forward(self, x: Array, given: tuple[Array, ...]) -> Array:
        """Return z."""
        W, b = given
        return W @ x.ravel() + b

    def gradients(self, x: Array, dz: Array, given: tuple[Array, ...]) -> tuple[Array, ...]:
        """dW = dz x^T and db = dz, from dz = d loss / d z (O,)."""
        del given
        return dz[:, None] * x.ravel(), dz

    def below(self, x: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """dx = W^T dz."""
        del x
        W, _ = given
        return (W.T @ dz).reshape(self._input_shape)
