"""Losses that learn numbers, one or several a row."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from samplewise.checks import positive_number
from samplewise.lazy import np
from samplewise.network.losses.base import ValueLoss, refuse_negative
from samplewise.network.losses.links import logarithm, logit, sigmoid, softplus
from samplewise.options.fields import documented, option
from samplewise.options.kinds import number

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MultiLabelCrossEntropy(ValueLoss):
    """Several labels that may hold at once: binary cross-entropy, an output a label.

    Its gradient with respect to a logit is (sigmoid(z) - y) / outputs.
    """

    name: ClassVar[str] = "multi_label_cross_entropy"
    gives_probabilities: ClassVar[bool] = True
    identity_link: ClassVar[bool] = False

    def check_targets(self, targets: NDArray[Any]) -> None:
        """Accept probabilities; usually each is 0 or 1."""
        refuse_negative(self.name, targets, 1.0)

    def predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of each label."""
        return sigmoid(logits)

    def decisions(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that hold: those with a probability above 0.5."""
        return predictions > 0.5

    def logits_of(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return log(p / (1 - p))."""
        return logit(targets)

    def entries(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return max(z, 0) - y z + log(1 + exp(-|z|))."""
        return softplus(logits) - targets * logits


@dataclass(frozen=True)
class MeanSquaredError(ValueLoss):
    """(z - y)^2; its gradient with respect to a logit is 2 (z - y) / outputs."""

    name: ClassVar[str] = "mean_squared_error"

    def entries(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return the squared errors."""
        return np.asarray((logits - targets) ** 2)


@dataclass(frozen=True)
class MeanAbsoluteError(ValueLoss):
    """|z - y|; its gradient with respect to a logit is sign(z - y) / outputs, and 0 at 0."""

    name: ClassVar[str] = "mean_absolute_error"

    def entries(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return the absolute errors."""
        return np.asarray(np.abs(logits - targets))


@documented
@dataclass(frozen=True)
class Huber(ValueLoss):
    """e^2 / 2 where the error e = z - y is at most delta in size, else delta (|e| - delta / 2).

    Its gradient with respect to a logit is e, limited to [-delta, delta], over outputs.
    Source: Huber (1964).

    Raises:
        ParameterError: `delta` is out of range.
    """

    name: ClassVar[str] = "huber"

    delta: float = option(
        1.0, number(positive_number), "threshold between quadratic and linear loss, above 0"
    )

    def scaled(self, factor: float) -> Huber:
        """Return the loss whose threshold is multiplied, too; it stays within float64."""
        bounds = sys.float_info
        return replace(self, delta=min(max(self.delta * factor, bounds.min), bounds.max))

    def entries(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return the loss of each error."""
        size = np.abs(logits - targets)
        near = np.minimum(size, self.delta)
        return np.asarray(near * (size - near / 2))


@dataclass(frozen=True)
class Poisson(ValueLoss):
    """Counts of mean exp(z): exp(z) - y z; its gradient is (exp(z) - y) / outputs.

    The negative logarithm of the Poisson probability, less log(y!), which no weight changes.
    """

    name: ClassVar[str] = "poisson"
    identity_link: ClassVar[bool] = False

    def check_targets(self, targets: NDArray[Any]) -> None:
        """Accept numbers of at least 0."""
        refuse_negative(self.name, targets)

    def predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the expected counts."""
        return np.asarray(np.exp(logits))

    def logits_of(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return log(y)."""
        return logarithm(targets)

    def entries(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return exp(z) - y z."""
        return np.asarray(np.exp(logits) - targets * logits)
