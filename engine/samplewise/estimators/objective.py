"""The loss of an estimator: which one the engine trains, and its value in scikit-learn's units.

scikit-learn's squared error is half the mean over outputs, but its gradient is that of half the sum
over outputs; its losses of several labels and of several counts are sums, and its Poisson loss has
the constant that the engine leaves out. So with L the engine's loss, the loss that is shown is
`factor` L + `constant`, and the gradient that is followed is `gradient` times that of L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from samplewise.network import Loss
from samplewise.network.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    MultiLabelCrossEntropy,
    Poisson,
)
from samplewise.training.history import EpochRecord

OUT_ACTIVATIONS = {
    BinaryCrossEntropy: "logistic",
    MultiLabelCrossEntropy: "logistic",
    CategoricalCrossEntropy: "softmax",
    Poisson: "exp",
}


@dataclass(frozen=True)
class Objective:
    """A loss with its units.

    Args:
        loss: that the engine trains.
        factor: of the engine's loss in the loss that is shown.
        gradient: factor of the engine's gradient.
        constant: added to the loss that is shown.
    """

    loss: Loss
    factor: float = 1.0
    gradient: float = 1.0
    constant: float = 0.0

    @property
    def out_activation(self) -> str:
        """Name of the function from logits to predictions."""
        names = (name for kind, name in OUT_ACTIVATIONS.items() if isinstance(self.loss, kind))
        return next(names, "identity")

    def shown(self, record: EpochRecord) -> float:
        """Return the training loss of an epoch, with its penalty."""
        penalty = record.penalty or 0.0
        return self.shown_loss(record.loss - penalty) + penalty

    def shown_loss(self, loss: float) -> float:
        """Return a loss of the engine without its penalty, as it is shown."""
        return self.factor * loss + self.constant


def loss_of(given: str | Loss) -> Loss:
    """Return the engine's loss of an estimator's parameter `loss`: itself, or that of its name."""
    return given if isinstance(given, Loss) else LOSSES[given]()


def poisson_constant(Y: NDArray[Any], weights: NDArray[Any] | None, batch_size: int) -> float:
    """Return the mean over rows of the sum of y log(y) - y, as the loss of an epoch weights them.

    Where weighted rows are shuffled over several batches, it is that of their first order.

    Args:
        Y: targets, (n, outputs).
        weights: of the rows, (n,), or None.
        batch_size: rows of a batch.
    """
    of_rows = (xlogy(Y, Y) - Y).sum(axis=1, dtype=np.float64)
    if weights is None:
        return float(of_rows.mean())
    starts = range(0, len(Y), batch_size)
    batches = [slice(start, start + batch_size) for start in starts]
    sums = [
        len(of_rows[batch]) * float(np.average(of_rows[batch], weights=weights[batch]))
        for batch in batches
        if weights[batch].any()
    ]
    return sum(sums) / len(Y)
