"""Update rules: one step along the mean gradient of a batch, in place.

v is the state, a flat vector for each of the rule's slots; t counts steps from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD, Adagrad, Adam, Optimizer, RMSprop
from samplewise.network.custom import CustomOptimizer

Vector = NDArray[Any]
Matrix = NDArray[Any]


def limit(g: Vector, rule: Optimizer) -> None:
    """Limit each entry of the gradient to clip_value, then its length to clip_norm."""
    if rule.clip_value is not None:
        np.clip(g, -rule.clip_value, rule.clip_value, out=g)
    if rule.clip_norm is not None:
        norm = np.sqrt((g * g).sum())
        if norm > rule.clip_norm:
            g *= rule.clip_norm / norm


def add_penalties(gradients: list[Matrix], weights: list[Matrix], rule: Optimizer) -> None:
    """g <- g + l2 W + l1 sign(W), the gradients of l2/2 |W|^2 and l1 sum |W|, of each matrix."""
    for g, W in zip(gradients, weights, strict=True):
        if rule.l2:
            g += rule.l2 * W
        if rule.l1:
            g += rule.l1 * np.sign(W)


def decay(weights: list[Matrix], learning_rate: float, rule: Optimizer) -> None:
    """W <- W - eta weight_decay W, of each matrix."""
    for W in weights:
        W -= learning_rate * rule.weight_decay * W


def sgd(theta: Vector, state: Matrix, g: Vector, eta: float, _: int, rule: SGD) -> None:
    """v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov.

    Without momentum theta <- theta - eta g, and there is no state.
    """
    step = g
    if rule.momentum:
        (v,) = state
        v[:] = rule.momentum * v + g
        step = g + rule.momentum * v if rule.nesterov else v
    theta -= eta * step


def adam(theta: Vector, state: Matrix, g: Vector, eta: float, t: int, rule: Adam) -> None:
    """m and v are moving averages of g and g^2, each divided by what a constant would give."""
    m, v = state
    m[:] = rule.beta1 * m + (1 - rule.beta1) * g
    v[:] = rule.beta2 * v + (1 - rule.beta2) * g * g
    mean, square = m / (1 - rule.beta1**t), v / (1 - rule.beta2**t)
    theta -= eta * mean / (np.sqrt(square) + rule.epsilon)


def rmsprop(theta: Vector, state: Matrix, g: Vector, eta: float, _: int, rule: RMSprop) -> None:
    """v <- rho v + (1 - rho) g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    (v,) = state
    v[:] = rule.rho * v + (1 - rule.rho) * g * g
    theta -= eta * g / (np.sqrt(v) + rule.epsilon)


def adagrad(theta: Vector, state: Matrix, g: Vector, eta: float, _: int, rule: Adagrad) -> None:
    """v <- v + g^2; theta <- theta - eta g / (sqrt(v) + epsilon)."""
    (v,) = state
    v += g * g
    theta -= eta * g / (np.sqrt(v) + rule.epsilon)


def own_rule(
    theta: Vector, state: Matrix, g: Vector, eta: float, t: int, rule: CustomOptimizer
) -> None:
    """direction, v <- rule(g, v, t); theta <- theta - eta direction."""
    direction, state[:] = rule.direction(g, state, t)
    theta -= eta * direction


RULES: dict[str, Callable[[Vector, Matrix, Vector, float, int, Any], None]] = {
    "sgd": sgd,
    "adam": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}
