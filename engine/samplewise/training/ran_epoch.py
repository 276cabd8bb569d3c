"""An epoch that has run, or is about to, before it is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.errors import ContractError
from samplewise.training import divergence


@dataclass(slots=True, eq=False)
class RanEpoch:
    """All that the steps of an epoch leave of it; no later step changes any of it.

    Args:
        epoch: counted from 1.
        order: the rows that were run: whole batches, or all.
        losses: of each of them, (n,).
        learning_rate: of the last step.
        weights: of all rows; None where each counts as 1.
        normalized: whether the weights of each batch have the mean 1.
        decisions: as `Steps.decisions`, of the rows that were run; None where nobody asked for any.
        penalties: as `Steps.penalties`, NaN where one was not written; None without `batch_l2`.
        sizes: rows of each step, (steps,); likewise.

    Attributes:
        right: how many decisions are right; `mean`: of the losses. None until found for many epochs
            at once.
    """

    epoch: int
    order: NDArray[np.int64]
    losses: NDArray[Any]
    learning_rate: float
    weights: NDArray[Any] | None
    normalized: bool
    decisions: NDArray[np.int64] | None
    penalties: NDArray[np.float64] | None
    sizes: NDArray[np.int64] | None
    right: int | None = None
    mean: float | None = None

    @property
    def has_small_penalties(self) -> bool:
        """True if each penalty that was asked for is written, and so small that their mean is too.

        A look at their squares takes a third of the time of their mean.
        """
        return self.penalties is None or divergence.are_small(self.penalties)

    def penalty(self, backend: str) -> float | None:
        """Return the mean of the steps' penalties, by their rows; None without `batch_l2`.

        Raises:
            ContractError: one is missing.
        """
        if self.penalties is None:
            return None
        assert self.sizes is not None
        total = float(np.add.reduce(self.penalties * self.sizes))
        if math.isnan(total):
            raise ContractError(
                f"backend '{backend}' left penalties of its steps unwritten; write "
                "Steps.penalties, or do not offer the step field `penalties`"
            )
        return total / len(self.order)

    def loss(self, penalty: float | None) -> float:
        """Return the mean loss with the penalty.

        Raises:
            DivergenceError: it is not finite.
        """
        if self.mean is not None:
            return divergence.finite(self.epoch, self.mean + (penalty or 0.0))
        losses, weights = self.losses, None if self.weights is None else self.weights[self.order]
        if weights is not None and self.normalized:
            losses, weights = losses * weights.astype(np.float64), None
        return divergence.mean_loss(self.epoch, losses, weights, penalty or 0.0)


def find_means(ran: Sequence[RanEpoch]) -> None:
    """Find the mean loss of epochs of one network, of as many rows, to the bits of `loss`.

    In a tenth of its time; where rows have weights, leave it to `loss`.
    """
    if ran[0].weights is not None:
        return
    losses = np.stack([one.losses for one in ran])
    # Numbers that are not finite are refused epoch by epoch.
    with np.errstate(all="ignore"):
        sums = np.add.reduce(losses, axis=1, dtype=np.float64)
    for one, mean in zip(ran, (sums / losses.shape[1]).tolist(), strict=True):
        one.mean = mean
