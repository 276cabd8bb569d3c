"""The steps of one network: its learning rates, dropout keys and weights of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.network import Network
from samplewise.streams import Streams
from samplewise.training.rates import LearningRates
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings


class NetworkSteps:
    """Makes the steps that all networks share a network's own.

    Args:
        network: that trains.
        settings: of its training.
        rows: trained on.
        rates: its learning rates.
    """

    def __init__(
        self,
        network: Network,
        settings: TrainingSettings,
        rows: TrainingRows,
        rates: LearningRates,
    ) -> None:
        self._settings, self._rows, self._rates = settings, rows, rates
        self._drops = any(layer.differs_in_training for layer in network.layers)
        self._dropout_key = 0

    def begin_epoch(self, epoch: int) -> None:
        """Draw the epoch's dropout key, and set its learning rates."""
        if self._drops:
            rng = Streams(self._settings.seed).of_epoch("dropout", epoch)
            self._dropout_key = int(rng.integers(2**64, dtype=np.uint64))
        self._rates.begin_epoch(epoch)

    def of_window(self, window: Steps, decisions: NDArray[np.int64] | None) -> Steps:
        """Return the steps of a window with what is this network's own.

        Args:
            window: order, edges and batch size, which all networks share.
            decisions: as `Steps.decisions`.
        """
        first, last = (-(-row // window.batch_size) for row in (window.start, window.stop))
        rate, rates = self._rates.of_steps(first, last)
        return Steps(
            window.order,
            window.start,
            window.stop,
            window.batch_size,
            learning_rate=rate,
            dropout_key=self._dropout_key,
            rates=rates,
            weights=self._rows.weights,
            decisions=decisions,
        )
