"""Update rules."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.network import SGD

Vector = NDArray[Any]
Matrix = NDArray[Any]


def add_l2(gradients: list[Matrix], weights: list[Matrix], l2: float) -> None:
    """g <- g + l2 W, the gradient of l2/2 |W|^2, for each weight matrix."""
    for g, W in zip(gradients, weights, strict=True):
        g += l2 * W


def sgd(theta: Vector, v: Vector, g: Vector, learning_rate: float, rule: SGD) -> None:
    """Make one step along the gradient g, updating theta and v in place.

    v <- mu v + g; theta <- theta - eta v, or theta - eta (g + mu v) with Nesterov's look ahead.
    Without momentum theta <- theta - eta g, and v is empty.
    """
    step = g
    if rule.momentum:
        v[:] = rule.momentum * v + g
        step = g + rule.momentum * v if rule.nesterov else v
    theta -= learning_rate * step
