"""Losses of a batch from its logits, and their gradients, into given buffers.

They are apart: a step needs the gradient only; the losses of many steps are taken at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from samplewise.network import Loss
from samplewise.network.custom import CustomLoss
from samplewise.network.losses import Huber
from samplewise_backends.vectorized.activations import sigmoid
from samplewise_backends.vectorized.arrays import Matrix, Vector


def binary_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write max(z, 0) - y z + log(1 + exp(-|z|)) of each row; Z is used up.

    The first two cancel exactly where the answer is right, and the last is tiny there.
    Z, Y, scratch: (B, 1); losses: (B,).
    """
    np.abs(Z, out=scratch)
    np.negative(scratch, out=scratch)
    np.exp(scratch, out=scratch)
    np.log1p(scratch, out=losses[:, None])
    np.multiply(Y, Z, out=scratch)
    np.maximum(Z, 0, out=Z)
    Z -= scratch
    losses += Z[:, 0]


def binary_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = sigmoid(Z) - Y; all are (B, 1)."""
    sigmoid(Z, dZ)
    dZ -= Y


def categorical_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write log(sum exp(z)) - y . z of each row, of z less its largest; Z is used up.

    Z, Y, scratch: (B, K); losses: (B,).
    """
    row_values = scratch[:, :1]
    np.maximum.reduce(Z, axis=1, keepdims=True, out=row_values)
    Z -= row_values
    np.multiply(Y, Z, out=scratch)
    np.add.reduce(scratch, axis=1, out=losses)
    np.exp(Z, out=Z)
    np.add.reduce(Z, axis=1, keepdims=True, out=row_values)
    np.log(row_values, out=row_values)
    np.subtract(row_values[:, 0], losses, out=losses)


def categorical_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = softmax(Z) - Y; all are (B, K), and scratch holds row values."""
    row_values = scratch[:, :1]
    np.maximum.reduce(Z, axis=1, keepdims=True, out=row_values)
    np.subtract(Z, row_values, out=dZ)
    np.exp(dZ, out=dZ)
    np.add.reduce(dZ, axis=1, keepdims=True, out=row_values)
    dZ /= row_values
    dZ -= Y


def multi_label_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write the mean over the outputs of log(1 + exp(z)) - y z; Z is used up."""
    np.multiply(Y, Z, out=scratch)
    np.logaddexp(Z, 0, out=Z)
    Z -= scratch
    np.mean(Z, axis=1, out=losses)


def multi_label_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = (sigmoid(Z) - Y) / outputs."""
    binary_gradient(Z, Y, dZ, scratch)
    dZ /= Z.shape[1]


def squared_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write the mean over the outputs of (z - y)^2; Z is used up."""
    Z -= Y
    Z *= Z
    np.mean(Z, axis=1, out=losses)


def squared_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = 2 (Z - Y) / outputs."""
    np.subtract(Z, Y, out=dZ)
    dZ *= 2 / Z.shape[1]


def absolute_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write the mean over the outputs of |z - y|; Z is used up."""
    Z -= Y
    np.abs(Z, out=Z)
    np.mean(Z, axis=1, out=losses)


def absolute_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = sign(Z - Y) / outputs."""
    np.subtract(Z, Y, out=dZ)
    np.sign(dZ, out=dZ)
    dZ /= Z.shape[1]


def huber_values(loss: Huber, Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write the mean over the outputs of n (e - n / 2), with n the error e limited to delta."""
    Z -= Y
    np.clip(Z, -loss.delta, loss.delta, out=scratch)
    Z *= scratch
    scratch *= scratch
    scratch *= 0.5
    Z -= scratch
    np.mean(Z, axis=1, out=losses)


def huber_gradient(loss: Huber, Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = the error limited to [-delta, delta], over the outputs."""
    np.subtract(Z, Y, out=dZ)
    np.clip(dZ, -loss.delta, loss.delta, out=dZ)
    dZ /= Z.shape[1]


def poisson_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write the mean over the outputs of exp(z) - y z; Z is used up."""
    np.multiply(Y, Z, out=scratch)
    np.exp(Z, out=Z)
    Z -= scratch
    np.mean(Z, axis=1, out=losses)


def poisson_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = (exp(Z) - Y) / outputs."""
    np.exp(Z, out=dZ)
    dZ -= Y
    dZ /= Z.shape[1]


Values = Callable[[Matrix, Matrix, Vector, Matrix], None]
Gradient = Callable[[Matrix, Matrix, Matrix, Matrix], None]


def custom_values(loss: CustomLoss, Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write what the user's functions return."""
    losses[...] = loss.values(Z, Y)


def custom_gradient(loss: CustomLoss, Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write what the user's functions return."""
    dZ[...] = loss.gradient(Z, Y)


# Those of a loss with settings take it before the arrays.
LOSSES: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {
    "binary_cross_entropy": (binary_values, binary_gradient),
    "categorical_cross_entropy": (categorical_values, categorical_gradient),
    "multi_label_cross_entropy": (multi_label_values, multi_label_gradient),
    "mean_squared_error": (squared_values, squared_gradient),
    "mean_absolute_error": (absolute_values, absolute_gradient),
    "huber": (huber_values, huber_gradient),
    "poisson": (poisson_values, poisson_gradient),
}


def functions_of(loss: Loss) -> tuple[Values, Gradient]:
    """Return the functions that write the losses of a batch, and their gradients."""
    values, gradient = LOSSES.get(loss.name, (custom_values, custom_gradient))
    if isinstance(loss, Huber | CustomLoss):
        return partial(values, loss), partial(gradient, loss)
    return values, gradient
