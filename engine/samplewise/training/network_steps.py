"""The steps of one network: its learning rates, dropout keys, weights of rows and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.contract.state import step_count
from samplewise.network import Network
from samplewise.streams import Streams
from samplewise.training.ran_epoch import RanEpoch
from samplewise.training.rates import LearningRates
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings

Vector = NDArray[np.float64]
UNDECIDED = -1


class NetworkSteps:
    """Makes the steps that all networks share a network's own.

    Args:
        network: to train.
        settings: of the training.
        rows: trained on.
        rates: of the network's steps.
        decides: whether the steps write their decisions.

    Attributes:
        decisions: as `Steps.decisions`, of all steps of the epoch; `UNDECIDED` where not yet
            written. None where the steps do not decide.
        penalties: as `Steps.penalties`, of all steps of the epoch; NaN where not yet written. None
            without `batch_l2`.
    """

    decisions: NDArray[np.int64] | None = None
    penalties: Vector | None = None

    def __init__(
        self,
        network: Network,
        settings: TrainingSettings,
        rows: TrainingRows,
        rates: LearningRates,
        *,
        decides: bool = False,
    ) -> None:
        self._settings, self._rows, self._rates = settings, rows, rates
        if decides:
            self.decisions = np.full(len(rows), UNDECIDED)
        self._drops = network.differs_in_training
        self._dropout_key, self._streams = 0, Streams(settings.seed)
        self._loss_weights = rows.weights
        self._gradient_weights = self._scaled(rows.weights)
        self._l2: Vector | None = None
        self._batch_size = min(settings.batch_size, len(rows))
        if settings.batch_l2 > 0 or settings.normalize_weights:
            self._starts = np.arange(0, len(rows), self._batch_size)
            self._sizes = np.minimum(len(rows) - self._starts, self._batch_size)
        if settings.batch_l2 > 0:
            self._l2 = settings.batch_l2 / self._sizes
            self.penalties = np.full(len(self._starts), np.nan)

    def begin_epoch(self, epoch: int, order: NDArray[np.int64]) -> None:
        """Draw the dropout key of an epoch, set its learning rates, and normalize its batches."""
        if self._drops:
            rng = self._streams.of_epoch("dropout", epoch)
            self._dropout_key = int(rng.integers(2**64, dtype=np.uint64))
        self._rates.begin_epoch(epoch)
        if self._settings.normalize_weights and self._rows.weights is not None:
            self._normalize(self._rows.weights, order)

    def _normalize(self, weights: NDArray[Any], order: NDArray[np.int64]) -> None:
        """Scale the weights of each batch to the mean 1; a batch of weight 0 stays as it is."""
        ordered = weights[order].astype(np.float64)
        sums = np.add.reduceat(ordered, self._starts)
        positive = sums > 0
        each = np.divide(1.0, sums, out=np.zeros_like(sums), where=positive)
        normalized = np.empty_like(weights)
        normalized[order] = ordered * np.repeat(each * self._sizes, self._sizes)
        self._loss_weights, self._gradient_weights = normalized, self._scaled(normalized)
        if self._l2 is not None:
            self._l2 = self._settings.batch_l2 * each

    def _scaled(self, weights: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return the weights of gradients: those of losses, (n,), times the factor of gradients."""
        scale, X = self._settings.gradient_scale, self._rows.X
        if scale == 1:
            return weights
        ones = np.ones(len(X), X.dtype) if weights is None else weights
        return np.asarray(ones * X.dtype.type(scale))

    def of_window(self, order: NDArray[np.int64], start: int, stop: int) -> Steps:
        """Return the steps of the window `order[start:stop]` of an epoch; a batch begins it."""
        first, last = step_count(start, self._batch_size), step_count(stop, self._batch_size)
        rate, rates = self._rates.of_steps(first, last)
        return _steps(
            order=order,
            start=start,
            stop=stop,
            batch_size=self._batch_size,
            learning_rate=rate,
            dropout_key=self._dropout_key,
            rates=rates,
            weights=self._gradient_weights,
            l2=_of_steps(self._l2, first, last),
            penalties=_of_steps(self.penalties, first, last),
            decisions=self.decisions,
        )

    def take(self, epoch: int, order: NDArray[np.int64], losses: NDArray[Any]) -> RanEpoch:
        """Give away all that the steps of an epoch write, and begin the next one.

        Args:
            epoch: counted from 1.
            order: the rows that are run: whole batches, or all.
            losses: of each of them.
        """
        rows, decisions, penalties, sizes = len(order), self.decisions, self.penalties, None
        steps = step_count(rows, self._batch_size)
        if decisions is not None:
            self.decisions, decisions = _filled(UNDECIDED, decisions), decisions[:rows]
        if penalties is not None:
            self.penalties, penalties = _filled(np.nan, penalties), penalties[:steps]
            sizes = self._sizes[:steps]
        return RanEpoch(
            epoch=epoch,
            order=order,
            losses=losses,
            learning_rate=self._rates.of_steps(steps - 1, steps)[0],
            weights=self._loss_weights,
            normalized=self._settings.normalize_weights,
            decisions=decisions,
            penalties=penalties,
            sizes=sizes,
        )


def _steps(**fields: Any) -> Steps:
    """Return steps of all their fields, in a third of the time that a frozen dataclass takes."""
    made = object.__new__(Steps)
    vars(made).update(fields)
    return made


def _filled(value: float, like: NDArray[Any]) -> NDArray[Any]:
    # By `np.full_like` it takes twice as long.
    filled = np.empty(like.shape, like.dtype)
    filled.fill(value)
    return filled


def _of_steps(values: Vector | None, first: int, last: int) -> Vector | None:
    """Return the values of some steps: of all steps the array itself, as backends know it then."""
    return values if values is None or last - first == len(values) else values[first:last]
