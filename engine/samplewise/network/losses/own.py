"""Losses of the user's own: what `samplewise.register_loss` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from samplewise.lazy import np
from samplewise.network.losses.base import ValueLoss
from samplewise.network.losses.classification import CategoricalCrossEntropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

Matrix: TypeAlias = "NDArray[Any]"
OfLogits: TypeAlias = "Callable[[Matrix, Matrix], Any]"


class OwnLoss:
    """What a loss given as NumPy functions is; each registered one is a class of its own.

    Attributes:
        value: of logits and targets (n, outputs), the loss of each row (n,).
        slope: the gradient of each row's loss with respect to its logits, (n, outputs).
    """

    name: ClassVar[str]
    value: ClassVar[OfLogits]
    slope: ClassVar[OfLogits]

    def values(self, logits: Matrix, targets: Matrix) -> Matrix:
        """Return the loss of each row."""
        return np.asarray(type(self).value(logits, targets), logits.dtype)

    def gradient(self, logits: Matrix, targets: Matrix) -> Matrix:
        """Return the gradient of each row's loss with respect to its logits."""
        return np.asarray(type(self).slope(logits, targets), logits.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name: the process that reads it has to have registered it, too."""
        return _registered, (self.name, dict(vars(self)))


@dataclass(frozen=True)
class OwnValueLoss(OwnLoss, ValueLoss):
    """One that learns numbers.

    Attributes:
        link: of logits, what they predict; None for the logits themselves.
    """

    link: ClassVar[Callable[[Matrix], Any] | None] = None

    def predictions(self, logits: Matrix) -> Matrix:
        """Return what the logits predict, (n, outputs)."""
        link = type(self).link
        return logits if link is None else np.asarray(link(logits), logits.dtype)


@dataclass(frozen=True)
class OwnClassLoss(OwnLoss, CategoricalCrossEntropy):
    """One that learns classes: targets and probabilities are those of the cross-entropy."""

    def logits_of(self, targets: Matrix) -> None:
        """Return None: what the functions make of logits is not known."""
        del targets


def _registered(name: str, options: dict[str, Any]) -> Any:
    from samplewise.network.losses import loss_from

    return loss_from({"name": name, **options})
