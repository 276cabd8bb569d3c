"""Checks for numbers that are not finite, after a chunk and after an epoch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.errors import DivergenceError
from samplewise.network import ClassLoss, Loss


def check_chunk(
    epoch: int, steps: Steps, losses: NDArray[Any], parameters: NDArray[Any] | None
) -> None:
    """Refuse a chunk with a loss or parameter that is not finite.

    Args:
        epoch: counted from 1.
        steps: of the chunk.
        losses: of the epoch, (n,).
        parameters: after the chunk; None where the program keeps them elsewhere.

    Raises:
        DivergenceError: names the sample.
    """
    window = losses[steps.start : steps.stop]
    if _are_finite(window) and (parameters is None or _are_finite(parameters)):
        return
    finite = np.isfinite(window)
    bad = np.flatnonzero(~finite)
    position = steps.start + int(bad[0]) if len(bad) else steps.stop - 1
    found = f"the loss became {losses[position]}" if len(bad) else "a weight is not finite"
    row = steps.order[position]
    where = f"at sample {position + 1} of {len(steps.order)} (row {row})"
    raise DivergenceError(f"{found} in epoch {epoch} {where}")


def are_small(values: NDArray[Any]) -> bool:
    """Return True if the sum of squares is finite: then all values (n,) are, and so is their sum.

    One pass without an array of answers, in a third of the time of a sum.
    """
    return math.isfinite(values.dot(values))


def _are_finite(values: NDArray[Any]) -> bool:
    # The squares of large values overflow.
    return are_small(values) or bool(np.isfinite(values).all())


def mean_loss(
    epoch: int,
    losses: NDArray[Any],
    weights: NDArray[Any] | None = None,
    penalty: float = 0.0,
    *,
    name: str = "mean loss",
) -> float:
    """Return the mean; losses near the largest float64 are finite, and their sum is not.

    Args:
        epoch: counted from 1.
        losses: of some samples.
        weights: of them, for the weighted mean.
        penalty: added to it.
        name: of the mean, for messages.

    Raises:
        DivergenceError: as `finite`.
    """
    if weights is None:
        mean = float(np.add.reduce(losses, dtype=np.float64)) / len(losses)
    else:
        wide = weights.astype(np.float64)
        mean = float((wide * losses).sum() / wide.sum())
    return finite(epoch, mean + penalty, name=name)


def finite(epoch: int, mean: float, *, name: str = "mean loss") -> float:
    """Return a mean of an epoch, counted from 1.

    Raises:
        DivergenceError: it is not finite.
    """
    if not math.isfinite(mean):
        raise DivergenceError(f"the {name} became {mean} in epoch {epoch}")
    return mean


def check_logits(epoch: int, predictions: NDArray[Any]) -> None:
    """Refuse NaN: finite weights can still overflow in the forward pass, and argmax calls it 0.

    Raises:
        DivergenceError: the logits overflowed.
    """
    if np.isnan(predictions).any():
        raise DivergenceError(f"the logits overflowed after epoch {epoch}")


class _OverflownStateError(DivergenceError):
    """Gradients, or their squares, were too large for the optimizer's state, at any rate."""


def check_end(parameters: NDArray[Any], optimizer_state: NDArray[Any]) -> None:
    """Refuse weights and an optimizer that are not finite once training is over.

    Where a sum of squares of gradients has overflown, its weight moves no more.

    Raises:
        DivergenceError: a number is not finite.
    """
    if not _are_finite(parameters):
        raise DivergenceError("a weight is not finite after the last epoch")
    if not _are_finite(optimizer_state):
        raise _OverflownStateError("the optimizer's state is not finite after the last epoch")


def with_remedy(
    error: DivergenceError, loss: Loss, learning_rate: float, finite: NDArray[Any]
) -> DivergenceError:
    """Return a divergence with a remedy and the last finite parameters, (P,)."""
    scaled = "inputs" if isinstance(loss, ClassLoss) else "inputs and targets"
    if isinstance(error, _OverflownStateError):
        return DivergenceError(
            f"{error}, as gradients are too large for {finite.dtype}; scale the {scaled}, or limit "
            "gradients with clip_norm",
            finite,
        )
    return DivergenceError(
        f"{error} with learning_rate {learning_rate}; use a smaller learning_rate, scale the "
        f"{scaled}, limit gradients with clip_norm, or try another init",
        finite,
    )
