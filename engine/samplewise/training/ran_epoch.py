"""An epoch that has run, before it is measured."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samplewise.errors import ContractError
from samplewise.training import divergence


class RanEpoch(NamedTuple):
    """All that the steps of an epoch left of it; nothing in it changes with later steps.

    Args:
        epoch: counted from 1.
        order: the rows that were run: whole batches, or all.
        losses: of each of them, (n,).
        ms: time of the steps; None where it could not be measured.
        learning_rate: of the last step.
        penalty: mean of those of the steps, by their rows; NaN where one was not written, None
            without `batch_l2`.
        weights: of all rows; None where each counts as 1.
        normalized: whether the weights of each batch have the mean 1.
        decisions: as `Steps.decisions`, of the rows that were run; None where nobody asked for any.
    """

    epoch: int
    order: NDArray[np.int64]
    losses: NDArray[Any]
    ms: float | None
    learning_rate: float
    penalty: float | None
    weights: NDArray[Any] | None
    normalized: bool
    decisions: NDArray[np.int64] | None

    @property
    def lacks_penalty(self) -> bool:
        """True if the penalty is asked for, and not finite."""
        return self.penalty is not None and not math.isfinite(self.penalty)

    def loss(self, backend: str) -> float:
        """Return the mean loss with the penalty.

        Args:
            backend: its name, for errors.

        Raises:
            ContractError: a penalty of the steps is missing.
            DivergenceError: the loss is not finite.
        """
        if self.penalty is not None and math.isnan(self.penalty):
            raise ContractError(
                f"backend '{backend}' left penalties of its steps unwritten; write "
                "Steps.penalties, or do not offer the step field `penalties`"
            )
        losses, weights = self.losses, None if self.weights is None else self.weights[self.order]
        if weights is not None and self.normalized:
            losses, weights = losses * weights.astype(np.float64), None
        return divergence.mean_loss(self.epoch, losses, weights, self.penalty or 0.0)
