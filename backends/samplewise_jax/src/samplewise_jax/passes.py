"""Forward and backward passes of a network: functions of JAX arrays, still to be compiled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract.dropout import GOLDEN, mixed
from samplewise.network import Dropout, Loss, Network
from samplewise_jax.activations import ACTIVATIONS
from samplewise_jax.layers import LAYERS
from samplewise_jax.lazy import jax, jnp
from samplewise_jax.losses import LOSSES

Array = Any
Tensors = dict[str, Array]


@dataclass(frozen=True)
class Passes:
    """The passes of a network with its loss; hashable, as what is compiled is kept by it."""

    network: Network
    loss: Loss

    def logits(self, tensors: Tensors, X: Array) -> Array:
        """Return the logits of rows, (rows, outputs); nothing is dropped."""
        return each_row(lambda x: self._logits(tensors, x, {}))(X)

    def gradient(
        self, trained: Tensors, frozen: Tensors, rows: tuple[Array, ...], key: Array | None
    ) -> tuple[Array, Array, Tensors]:
        """Return the losses of rows, their logits, and the gradient of the scaled sum of losses.

        Args:
            trained: tensors by which to differentiate.
            frozen: all others.
            rows: X (rows, inputs), Y (rows, outputs), the scale of each row's loss (rows,), and
                its position in the order of the epoch (rows,).
            key: of the epoch's dropout; None drops nothing.
        """
        X, Y, scales, positions = rows

        def forward(trained: Tensors) -> Array:
            tensors = {**frozen, **trained}
            return each_row(lambda x, at: self._logits(tensors, x, self._masks(key, at)))(
                X, positions
            )

        Z, backward = jax.vjp(forward, trained)
        losses, dZ = each_row(lambda z, y: LOSSES[self.loss.name](z, y, self.loss))(Z, Y)
        (gradient,) = backward(dZ * scales[:, None])
        return losses, Z, gradient

    def _logits(self, tensors: Tensors, x: Array, masks: dict[int, Array]) -> Array:
        """Return the logits of one sample, (outputs,)."""
        network, a = self.network, x.reshape(self.network.input_shape)
        for k, (layer, inputs) in enumerate(network.layers_and_inputs):
            own = {name: tensors[f"{k}.{name}"] for name in layer.parameter_shapes(inputs)}
            if k in masks:
                own["kept"] = masks[k]
            a = ACTIVATIONS[layer.activation](LAYERS[layer.kind](layer, a, **own))
        return a.ravel()

    def _masks(self, key: Array | None, position: Array) -> dict[int, Array]:
        """Return the mask of each dropout layer for the sample at a position of the epoch."""
        if key is None:
            return {}
        return {
            k: kept(key, position, k, math.prod(self.network.shapes[k]), layer.rate)
            for k, layer in enumerate(self.network.layers)
            if isinstance(layer, Dropout)
        }


def each_row(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of rows; one row passes without an axis of its own, which costs time."""

    def of_rows(*arrays: Array) -> Any:
        if len(arrays[0]) > 1:
            return jax.vmap(function)(*arrays)
        result = function(*(array[0] for array in arrays))
        return jax.tree.map(lambda part: part[None], result)

    return of_rows


def kept(key: Array, position: Array, layer: int, size: int, rate: float) -> Array:
    """Return the mask of one sample, bool (size,), as `samplewise.contract.dropout.kept`.

    Args:
        key: of the epoch, uint64.
        position: of the sample in the order of the epoch, uint64.
        layer: index in the network.
        size: values of a sample.
        rate: of dropout.
    """
    start = mixed(mixed(key + GOLDEN * (position + np.uint64(1))) + np.uint64(layer))
    words = mixed(start + GOLDEN * jnp.arange(1, size + 1, dtype=jnp.uint64))
    return (words >> np.uint64(32)) >= np.uint64(round(rate * 2**32))
