"""Finding what is not finite, after a stretch and after an epoch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.errors import DivergenceError


def check_stretch(
    epoch: int,
    steps: Steps,
    losses: NDArray[Any],
    parameters: NDArray[Any],
    kept: NDArray[Any],
) -> None:
    """Refuse a stretch with a loss or parameter that is not finite.

    Args:
        epoch: counted from 1.
        steps: the stretch.
        losses: of the epoch, (n,).
        parameters: after the stretch.
        kept: the last whole parameters, for the error.

    Raises:
        DivergenceError: names the sample.
    """
    bad = np.flatnonzero(~np.isfinite(losses[steps.start : steps.stop]))
    if len(bad) == 0 and np.isfinite(parameters).all():
        return
    position = steps.start + int(bad[0]) if len(bad) else steps.stop - 1
    what = f"the loss became {losses[position]}" if len(bad) else "a weight is not finite"
    row = steps.order[position]
    where = f"at sample {position + 1} of {len(steps.order)} (row {row})"
    raise divergence(f"{what} in epoch {epoch} {where}", steps.learning_rate, kept)


def mean_loss(epoch: int, losses: NDArray[Any], learning_rate: float, kept: NDArray[Any]) -> float:
    """Return the mean; losses near the largest float64 are finite, and their sum is not.

    Raises:
        DivergenceError: the mean is not finite.
    """
    mean = float(np.mean(losses, dtype=np.float64))
    if not math.isfinite(mean):
        raise divergence(f"the mean loss became {mean} in epoch {epoch}", learning_rate, kept)
    return mean


def divergence(what: str, learning_rate: float, kept: NDArray[Any]) -> DivergenceError:
    """Return the error that says what happened, and what to do."""
    return DivergenceError(
        f"{what} with learning_rate {learning_rate}; "
        "use a smaller learning_rate, scale the inputs, or try another init",
        kept,
    )
