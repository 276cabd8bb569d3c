"""Registration of custom activations, losses and optimizers by name, after a check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from samplewise.checks import printable, whole_number
from samplewise.errors import CombinationError, ParameterError
from samplewise.network import activations
from samplewise.network.custom.kinds import (
    CustomActivation,
    CustomClassLoss,
    CustomOptimizer,
    CustomValueLoss,
    Direction,
    LossFunctions,
    OfArray,
    OfLogits,
)
from samplewise.network.losses import LOSSES
from samplewise.network.optimizers import OPTIMIZERS

MAX_SLOTS = 16
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RESERVED = ("auto", "none")


@dataclass(frozen=True)
class Registry:
    """The custom names of one kind of thing, and the table that backends and settings look in.

    Args:
        kind: for messages, such as "loss".
        table: from name to what computes it; custom ones are added.
        builtin: names that are never replaced.
    """

    kind: str
    table: dict[str, Any]
    builtin: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """The names registered in this process."""
        return frozenset(self.table) - self.builtin

    def label(self, name: object, *, replace: bool) -> str:
        """Return the name with its kind, for messages.

        Raises:
            ParameterError: the name is not allowed, or taken.
        """
        text = f"{self.kind} '{printable(name)}'"
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
            raise ParameterError(
                f"{text} has a name that is not allowed; use up to 64 lower-case letters, "
                f"digits and '_', a letter first, and not {' or '.join(_RESERVED)}"
            )
        if name in self.builtin:
            raise ParameterError(f"{text} is built in; choose another name")
        if name in self.names and not replace:
            raise ParameterError(
                f"{text} is registered already; choose another name, or replace=True"
            )
        return text

    def subclass(self, base: type, name: str, **attributes: Any) -> type:
        """Return a subclass with that name and attributes, beside the built-in classes."""
        return type(f"{base.__name__}_{name}", (base,), {"name": name, **attributes})


CUSTOM_LOSSES = Registry("loss", LOSSES, frozenset(LOSSES))
CUSTOM_OPTIMIZERS = Registry("optimizer", OPTIMIZERS, frozenset(OPTIMIZERS))
CUSTOM_ACTIVATIONS = Registry("activation", activations.CUSTOM, frozenset(activations.ACTIVATIONS))


def register_activation(
    name: str, value: OfArray, derivative: OfArray, *, replace: bool = False
) -> None:
    """Register a custom activation by a name, for layers and settings of this process.

    Both functions take an array of any shape, float64 or float32, leave it as it is, and return as
    many numbers, entry by entry. The derivative is compared with central differences of the value
    at 481 points from -12 to 12.

    Args:
        name: lower-case letters, digits and "_", starting with a letter; not taken.
        value: f(z).
        derivative: f'(z).
        replace: whether a custom activation of that name may be replaced; networks that are
            compiled already keep it.

    Raises:
        ParameterError: the name is not allowed, a function does not return such numbers, or value
            and derivative disagree; the message says where, and by how much.
    """
    from samplewise.network.custom.checks import check_activation

    label = CUSTOM_ACTIVATIONS.label(name, replace=replace)
    activation = CustomActivation(value, derivative)
    check_activation(label, activation)
    CUSTOM_ACTIVATIONS.table[name] = activation


def register_loss(
    name: str,
    value: OfLogits,
    gradient: OfLogits,
    *,
    link: OfArray | None = None,
    classes: bool = False,
    replace: bool = False,
) -> None:
    """Register a custom loss by a name, for settings of this process.

    It learns a number for each output, or classes: then targets are one-hot rows, smoothed where
    settings ask for it, and the softmax of the logits are the probabilities. Its functions take
    logits and targets, (n, outputs) both, float64 or float32, leave them as they are, and treat
    every row by itself. The gradient is compared with central differences of the value, at logits
    of deviation 2: of numbers for 1 and 3 outputs and targets from 0 to 1, of classes for 2 and 3.

    Args:
        name: as `register_activation`.
        value: the loss of each row, (n,).
        gradient: of each row's loss with respect to its logits, (n, outputs).
        link: of a loss that learns numbers, from logits to predictions, (n, outputs), such as
            np.exp; None leaves them.
        classes: whether it learns classes.
        replace: as `register_activation`.

    Raises:
        CombinationError: a link is given to a loss that learns classes.
        ParameterError: as `register_activation`.
    """
    from samplewise.network.custom.checks import check_loss

    label = CUSTOM_LOSSES.label(name, replace=replace)
    if classes and link is not None:
        raise CombinationError(
            f"{label} learns classes, whose probabilities are the softmax; leave out the link"
        )
    kind: Any = CUSTOM_LOSSES.subclass(
        CustomClassLoss if classes else CustomValueLoss,
        name,
        functions=LossFunctions(value, gradient, link),
        identity_link=not classes and link is None,
    )
    for outputs in (2 if classes else 1, 3):
        check_loss(label, kind(), outputs)
    LOSSES[name] = kind


def register_optimizer(
    name: str, update: Direction, *, slots: int = 0, replace: bool = False
) -> None:
    """Register a custom optimizer by a name, for settings of this process.

    A step is direction, v <- update(g, v, t); theta <- theta - eta direction. Limits of the
    gradient and penalties are applied to g before, and a schedule to eta, as for every optimizer.
    It runs on `reference` and `vectorized`.

    The update goes entry by entry, since backends call it for parts of the parameters, and leaves
    its arguments as they are. It is tried for 20 steps on drawn gradients, and on a bowl,
    g = theta, down which its steps must go.

    Args:
        name: as `register_activation`.
        update: of the mean gradient g (P,), the state v (slots, P), zero before the first step,
            both float64 or float32, and the number t of the step from 1: the direction (P,) and
            the next state (slots, P).
        slots: vectors of state that it keeps, 0 to 16.
        replace: as `register_activation`.

    Raises:
        ParameterError: the name is not allowed, the update does not return such numbers, depends on
            other entries, or leads uphill.
    """
    from samplewise.network.custom.checks import check_optimizer

    label = CUSTOM_OPTIMIZERS.label(name, replace=replace)
    count = whole_number("slots", slots, minimum=0, maximum=MAX_SLOTS)
    kind: Any = CUSTOM_OPTIMIZERS.subclass(CustomOptimizer, name, update=update, slots=count)
    check_optimizer(label, kind())
    OPTIMIZERS[name] = kind
