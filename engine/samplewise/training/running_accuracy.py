"""The training accuracy of an epoch, from the logits of its own steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Capabilities
from samplewise.errors import ContractError
from samplewise.network import ClassLoss, Loss
from samplewise.training.metrics import accuracy
from samplewise.training.ran_epoch import RanEpoch
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings


class RunningAccuracy:
    """The share of right decisions in an epoch, each made before the update that its row takes."""

    def __init__(self, labels: NDArray[Any]) -> None:
        self._labels = labels
        self._ordered: tuple[NDArray[np.int64] | None, NDArray[Any]] = None, labels

    def of(self, ran: RanEpoch, backend: str) -> float:
        """Return the accuracy on the rows that an epoch has run.

        Args:
            ran: with decisions.
            backend: its name, for errors.

        Raises:
            ContractError: a decision is missing.
        """
        order, decided = ran.order, ran.decisions
        assert decided is not None
        if ran.right is not None:
            return ran.right / len(decided)
        # The minimum by a ufunc takes three times as long.
        if decided.item(decided.argmin()) < 0:
            raise ContractError(
                f"backend '{backend}' left decisions of its steps unwritten; write "
                "Steps.decisions, or do not offer the capability `decisions`"
            )
        if self._ordered[0] is not order:
            self._ordered = order, self._labels[order]
        return accuracy(self._ordered[1], decided)

    def count(self, ran: Sequence[RanEpoch]) -> None:
        """Count the right decisions of whole epochs, in a fifth of the time of `of`.

        Where one is missing, leave it to `of` to say so.
        """
        decided = np.stack([one.decisions for one in ran if one.decisions is not None])
        if decided.min() < 0:
            return
        order = ran[0].order
        alike = all(one.order is order for one in ran)
        labels = self._labels[order if alike else np.stack([one.order for one in ran])]
        right = np.count_nonzero(labels == decided, axis=1)
        for one, count in zip(ran, right.tolist(), strict=True):
            one.right = count


def running_accuracy(
    settings: TrainingSettings, loss: Loss, rows: TrainingRows, offered: Capabilities
) -> RunningAccuracy | None:
    """Return the running accuracy, or None where it is not measured, or in a pass of its own.

    A pass of its own measures what decides something or stands beside figures of the same weights:
    the monitored accuracy, that of averaged weights, and that beside validation rows.
    """
    apart = (
        settings.exact_accuracy
        or settings.ema_decay is not None
        or settings.stopping.goes_by_accuracy
        or rows.validation is not None
    )
    wanted = settings.track_accuracy and not apart and isinstance(loss, ClassLoss)
    if rows.labels is None or not (wanted and offered.decisions):
        return None
    return RunningAccuracy(rows.labels)
