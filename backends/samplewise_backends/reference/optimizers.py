"""Optimizers: one step along the mean gradient of a batch, in place.

v is the state, a flat vector for each of the optimizer's slots; t counts steps from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, Adagrad, Adam, Optimizer, OwnOptimizer, RMSprop

Vector = NDArray[Any]
Matrix = NDArray[Any]


def limit(g: Vector, optimizer: Optimizer) -> None:
    """Limit each entry of the gradient to clip_value, then its length to clip_norm."""
    if optimizer.clip_value is not None:
        np.clip(g, -optimizer.clip_value, optimizer.clip_value, out=g)
    if optimizer.clip_norm is not None:
        norm = np.sqrt((g * g).sum())
        if norm > optimizer.clip_norm:
            g *= optimizer.clip_norm / norm


def add_penalties(gradients: list[Matrix], weights: list[Matrix], optimizer: Optimizer) -> None:
    """g <- g + l2 W + l1 sign(W), the gradients of l2/2 |W|^2 and l1 sum |W|, of each matrix."""
    for g, W in zip(gradients, weights, strict=True):
        if optimizer.l2:
            g += optimizer.l2 * W
        if optimizer.l1:
            g += optimizer.l1 * np.sign(W)


def decay(weights: list[Matrix], learning_rate: float, optimizer: Optimizer) -> None:
    """W <- W - eta weight_decay W, of each matrix."""
    for W in weights:
        W -= learning_rate * optimizer.weight_decay * W


def sgd(theta: Vector, state: Matrix, g: Vector, eta: float, _: int, optimizer: SGD) -> None:
    """v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov.

    Without momentum theta <- theta - eta g, and there is no state.
    """
    step = g
    if optimizer.momentum:
        (v,) = state
        v[:] = optimizer.momentum * v + g
        step = g + optimizer.momentum * v if optimizer.nesterov else v
    theta -= eta * step


def adam(theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: Adam) -> None:
    """m and v are moving averages of g and g^2, each divided by its bias correction."""
    m, v = state
    m[:] = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    v[:] = optimizer.beta2 * v + (1 - optimizer.beta2) * g * g
    mean, square = m / (1 - optimizer.beta1**t), v / (1 - optimizer.beta2**t)
    theta -= eta * mean / (np.sqrt(square) + optimizer.epsilon)


def rmsprop(
    theta: Vector, state: Matrix, g: Vector, eta: float, _: int, optimizer: RMSprop
) -> None:
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    (v,) = state
    v[:] = optimizer.rho * v + (1 - optimizer.rho) * g * g
    theta -= eta * g / (np.sqrt(v) + optimizer.epsilon)


def adagrad(
    theta: Vector, state: Matrix, g: Vector, eta: float, _: int, optimizer: Adagrad
) -> None:
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    (v,) = state
    v += g * g
    theta -= eta * g / (np.sqrt(v) + optimizer.epsilon)


def custom_update(
    theta: Vector, state: Matrix, g: Vector, eta: float, t: int, optimizer: OwnOptimizer
) -> None:
    """direction, v <- optimizer(g, v, t); theta <- theta - eta direction."""
    direction, state[:] = optimizer.direction(g, state, t)
    theta -= eta * direction


UPDATES: dict[str, Callable[[Vector, Matrix, Vector, float, int, Any], None]] = {
    "sgd": sgd,
    "adam": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}
OPTIONS = ("momentum", "nesterov", "l1", "l2", "weight_decay", "clip_value", "clip_norm")
