"""A custom activation, loss or optimizer: NumPy functions in the place of a built-in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from samplewise.lazy import np
from samplewise.network.losses import loss_from
from samplewise.network.losses.base import ValueLoss
from samplewise.network.losses.classification import CategoricalCrossEntropy
from samplewise.network.optimizers import OPTIMIZERS, Optimizer
from samplewise.registered import registered

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
OfArray: TypeAlias = "Callable[[Array], Any]"
OfLogits: TypeAlias = "Callable[[Array, Array], Any]"
Direction: TypeAlias = "Callable[[Array, Array, int], tuple[Any, Any]]"


@dataclass(frozen=True)
class CustomActivation:
    """An activation as NumPy functions of z, entry by entry: f(z) and f'(z)."""

    value: OfArray
    derivative: OfArray

    def of(self, z: Array) -> tuple[Array, Array]:
        """Return value and derivative, in z's dtype."""
        return np.asarray(self.value(z), z.dtype), np.asarray(self.derivative(z), z.dtype)


@dataclass(frozen=True)
class LossFunctions:
    """The functions of a custom loss, as `register_loss` takes them."""

    value: OfLogits
    gradient: OfLogits
    link: OfArray | None


class CustomLoss:
    """A loss given as NumPy functions; each registered one is a subclass, as built-in ones are."""

    name: ClassVar[str]
    functions: ClassVar[LossFunctions]

    def values(self, logits: Array, targets: Array) -> Array:
        """Return the loss of each row."""
        return np.asarray(self.functions.value(logits, targets), logits.dtype)

    def gradient(self, logits: Array, targets: Array) -> Array:
        """Return the gradient of each row's loss with respect to its logits."""
        return np.asarray(self.functions.gradient(logits, targets), logits.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name: the process that reads it must have registered it, too."""
        return loss_from, ({"name": self.name, **vars(self)},)


@dataclass(frozen=True)
class CustomValueLoss(CustomLoss, ValueLoss):
    """A custom loss that learns numbers."""

    def predictions(self, logits: Array) -> Array:
        """Return the link of the logits, (n, outputs); without one, the logits."""
        link = self.functions.link
        return logits if link is None else np.asarray(link(logits), logits.dtype)


@dataclass(frozen=True)
class CustomClassLoss(CustomLoss, CategoricalCrossEntropy):
    """A custom loss that learns classes: targets and probabilities as for the cross-entropy."""

    def logits_of(self, targets: Array) -> None:
        """Return None: no logits are known to give those targets."""


@dataclass(frozen=True, kw_only=True)
class CustomOptimizer(Optimizer):
    """An optimizer given as a NumPy function; each registered one is a subclass.

    A step is theta <- theta - eta direction, with direction, v <- update(g, v, t).
    """

    update: ClassVar[Direction]

    def direction(self, gradient: Array, state: Array, t: int) -> tuple[Array, Array]:
        """Return the direction, to be multiplied by the rate and subtracted, and the next state."""
        step, after = type(self).update(gradient, state, t)
        return np.asarray(step, gradient.dtype), np.asarray(after, gradient.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name: the process that reads it must have registered it, too."""
        return _optimizer, (self.name, dict(vars(self)))


def _optimizer(name: str, options: dict[str, Any]) -> Optimizer:
    return OPTIMIZERS[registered("optimizer", name, OPTIMIZERS)](**options)
