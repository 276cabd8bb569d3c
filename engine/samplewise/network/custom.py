"""Activations and losses of the user's own, checked when they are registered.

They run on backends that compute in NumPy (`reference`, `vectorized`), in this process: one that
loads a model with an activation or loss of its own has to register it first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import CombinationError, ParameterError
from samplewise.network.activations import ACTIVATIONS, OWN_ACTIVATIONS, OwnActivation
from samplewise.network.losses import LOSSES, own_losses
from samplewise.network.losses.own import OfLogits, OwnClassLoss, OwnValueLoss
from samplewise.network.own_checks import ALLOWED, check_name, numbers

Array = NDArray[Any]

# Off the round numbers, where functions have their kinks: there no difference is a slope.
_POINTS = np.linspace(-12, 12, 481) + 0.0031415926
_ROWS = 24
# The step that balances truncation, h^2 f''' / 6, against rounding, f eps / h.
_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)


def register_activation(
    name: str,
    value: Callable[[Array], Any],
    derivative: Callable[[Array], Any],
    *,
    replace: bool = False,
) -> None:
    """Make an activation of your own known by a name, for layers and settings of this process.

    Both functions take an array of any shape, float64 or float32, leave it as it is, and return as
    many numbers, entry by entry. The derivative is held against central differences of the value at
    481 points from -12 to 12.

    Args:
        name: lower-case letters, digits and "_", starting with a letter; not taken.
        value: f(z).
        derivative: f'(z).
        replace: whether an activation of your own that has the name may be replaced; networks that
            are compiled already keep it.

    Raises:
        ParameterError: the name does not do, a function does not return such numbers, or value and
            derivative disagree; the message says where, and by how much.
    """
    what = f"activation '{printable(name)}'"
    check_name(what, name, ACTIVATIONS, OWN_ACTIVATIONS, replace=replace)
    own = OwnActivation(value, derivative)
    f, slope = (
        _elementwise(what, part, function)
        for part, function in (("value", own.value), ("derivative", own.derivative))
    )
    steps = _STEP * np.maximum(np.abs(_POINTS), 1)
    up, down = _POINTS + steps, _POINTS - steps
    with np.errstate(all="ignore"):
        differences = (own.of(up)[0] - own.of(down)[0]) / (up - down)
    bad = ~(np.abs(slope - differences) <= ALLOWED * (1 + np.abs(slope) + np.abs(f)))
    if bad.any():
        k = int(bad.argmax())
        raise ParameterError(
            f"the derivative of {what} is {slope[k]:.8g} at z = {_POINTS[k]:.6g}, but central "
            f"differences of its value give {differences[k]:.8g}, and so at {bad.sum()} of "
            f"{len(_POINTS)} points; correct one of the two functions"
        )
    OWN_ACTIVATIONS[name] = own


def register_loss(
    name: str,
    value: OfLogits,
    gradient: OfLogits,
    *,
    link: Callable[[Array], Any] | None = None,
    classes: bool = False,
    replace: bool = False,
) -> None:
    """Make a loss of your own known by a name, for settings of this process.

    It learns numbers, one an output, or classes: then targets are one-hot rows, smoothed where
    settings ask for it, and the softmax of the logits are the probabilities. Its functions take
    logits and targets, (n, outputs) both, float64 or float32, leave them as they are, and treat
    every row by itself. The gradient is held against central differences of the value, at logits
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
    what = f"loss '{printable(name)}'"
    check_name(what, name, set(LOSSES) - own_losses(), own_losses(), replace=replace)
    if classes and link is not None:
        raise CombinationError(
            f"{what} learns classes, whose probabilities are the softmax; leave out the link"
        )
    functions: dict[str, Any] = {"value": staticmethod(value), "slope": staticmethod(gradient)}
    if link is not None:
        functions |= {"link": staticmethod(link), "identity_link": False}
    base = OwnClassLoss if classes else OwnValueLoss
    kind: Any = type(f"OwnLoss_{name}", (base,), {"name": name, **functions})
    for outputs in (2 if classes else 1, 3):
        _check_loss(what, kind(), outputs)
    LOSSES[name] = kind


def _elementwise(what: str, part: str, function: Callable[[Array], Any]) -> Array:
    """Return a function's values at the points, once it is known to go entry by entry."""
    points = _POINTS.copy()
    found = numbers(f"the {part} of {what}", function, points.shape, points)
    turned = _POINTS[::-2].reshape(-1, 1).copy()
    again = numbers(f"the {part} of {what}", function, turned.shape, turned)
    if not np.allclose(again[:, 0], found[::-2], rtol=ALLOWED, atol=ALLOWED):
        raise ParameterError(
            f"the {part} of {what} depends on the other entries or on the shape of its argument; "
            "it must treat every entry by itself"
        )
    return found


def _check_loss(what: str, loss: OwnValueLoss | OwnClassLoss, outputs: int) -> None:
    rng = np.random.default_rng(outputs)
    Z, Y = 2 * rng.standard_normal((_ROWS, outputs)), rng.random((_ROWS, outputs))
    if isinstance(loss, OwnClassLoss):
        Y = loss.targets(rng.integers(0, outputs, _ROWS), outputs, np.float64)
    values = numbers(f"the value of {what}", loss.values, (_ROWS,), Z, Y)
    slopes = numbers(f"the gradient of {what}", loss.gradient, Z.shape, Z, Y)
    numbers(f"the link of {what}", loss.predictions, Z.shape, Z)
    for part, function, found in (
        ("value", loss.values, values),
        ("gradient", loss.gradient, slopes),
    ):
        one = numbers(f"the {part} of {what}", function, found[:1].shape, Z[:1], Y[:1])
        if not np.allclose(one, found[:1], rtol=ALLOWED, atol=ALLOWED):
            raise ParameterError(
                f"the {part} of {what} is another for a row alone; it must treat every row by "
                "itself: no mean over rows"
            )
    for column in range(outputs):
        up, down = Z.copy(), Z.copy()
        steps = _STEP * np.maximum(np.abs(Z[:, column]), 1)
        up[:, column] += steps
        down[:, column] -= steps
        distance = up[:, column] - down[:, column]
        differences = (loss.values(up, Y) - loss.values(down, Y)) / distance
        slope = slopes[:, column]
        bad = ~(np.abs(slope - differences) <= ALLOWED * (1 + np.abs(slope) + np.abs(values)))
        if bad.any():
            k = int(bad.argmax())
            raise ParameterError(
                f"the gradient of {what} is {slope[k]:.8g} for output {column} of {outputs} at "
                f"logits {Z[k].round(4).tolist()} and targets {Y[k].round(4).tolist()}, but "
                f"central differences of its value give {differences[k]:.8g}; correct one of the "
                "two functions"
            )
