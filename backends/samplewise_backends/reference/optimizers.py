"""Update rules."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def sgd(parameters: NDArray[Any], gradient: NDArray[Any], learning_rate: float) -> None:
    """theta <- theta - eta * gradient, all layers at once; the gradient's array is used up."""
    gradient *= learning_rate
    parameters -= gradient
