"""Update rules, in place."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def sgd(parameters: NDArray[Any], gradient: NDArray[Any], learning_rate: float) -> None:
    """theta <- theta - eta * gradient; the gradient's buffer is used up."""
    gradient *= learning_rate
    parameters -= gradient
