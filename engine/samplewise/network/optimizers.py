"""Optimizers: frozen descriptions of an update rule and of the state it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: theta <- theta - learning_rate * gradient.

    The gradient is the mean over the batch; batch size 1 is the report's Algorithm 1.
    """

    name: ClassVar[str] = "sgd"
    # Flat vectors of parameter length that the rule keeps between steps.
    slots: ClassVar[int] = 0


Optimizer = SGD
