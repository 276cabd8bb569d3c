"""Checks of custom activations, losses and optimizers when they are registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, same_numbers
from samplewise.errors import ParameterError, raised_by_signal_handler
from samplewise.network.losses import ClassLoss

if TYPE_CHECKING:
    from samplewise.network.custom.kinds import (
        CustomActivation,
        CustomClassLoss,
        CustomOptimizer,
        CustomValueLoss,
    )

Array = NDArray[Any]
# Of 1 plus the sizes of what is compared. Truncation and rounding of smooth functions are near
# 1e-10; a mistake in a formula is seen far above.
ALLOWED = 1e-6
# Off the round numbers, where functions have their kinks: there no difference is a derivative.
_POINTS = np.linspace(-12, 12, 481) + 0.0031415926
_ROWS = 24
# The step that balances truncation, h^2 f''' / 6, against rounding, f eps / h.
_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
_ENTRIES, _STEPS = 24, 20
# Of the gradients tried: enough steps of this size lead into the bowl from where they start.
_RATE = 0.01


def check_activation(label: str, activation: CustomActivation) -> None:
    """Refuse functions that do not go entry by entry, or disagree.

    Raises:
        ParameterError: naming the activation by its label.
    """
    f, derivative = (
        _elementwise(f"the {part} of {label}", function)
        for part, function in (
            ("value", activation.value),
            ("derivative", activation.derivative),
        )
    )
    up, down, distance = _around(_POINTS)
    with np.errstate(all="ignore"):
        differences = (activation.of(up)[0] - activation.of(down)[0]) / distance
    bad = _disagree(derivative, differences, f)
    if bad.any():
        k = int(bad.argmax())
        raise ParameterError(
            f"the derivative of {label} is {derivative[k]:.8g} at z = {_POINTS[k]:.6g}, but "
            f"central differences of its value give {differences[k]:.8g}, and so at {bad.sum()} of "
            f"{len(_POINTS)} points; correct one of the two functions"
        )


def check_loss(label: str, loss: CustomValueLoss | CustomClassLoss, outputs: int) -> None:
    """Refuse functions that do not treat every row by itself, or disagree, on drawn rows.

    Raises:
        ParameterError: naming the loss by its label.
    """
    rng = np.random.default_rng(outputs)
    Z, Y = 2 * rng.standard_normal((_ROWS, outputs)), rng.random((_ROWS, outputs))
    if isinstance(loss, ClassLoss):
        Y = loss.targets(rng.integers(0, outputs, _ROWS), outputs, np.float64)
    values = numbers(f"the value of {label}", loss.values, (_ROWS,), Z, Y)
    gradients = numbers(f"the gradient of {label}", loss.gradient, Z.shape, Z, Y)
    numbers(f"the link of {label}", loss.predictions, Z.shape, Z)
    for part, function, found in (
        ("value", loss.values, values),
        ("gradient", loss.gradient, gradients),
    ):
        one = numbers(f"the {part} of {label}", function, found[:1].shape, Z[:1], Y[:1])
        if not _close(one, found[:1]):
            raise ParameterError(
                f"the {part} of {label} differs for a row alone; it must treat every row by "
                "itself: no mean over rows"
            )
    for column in range(outputs):
        up, down = Z.copy(), Z.copy()
        up[:, column], down[:, column], distance = _around(Z[:, column])
        differences = (loss.values(up, Y) - loss.values(down, Y)) / distance
        bad = _disagree(gradients[:, column], differences, values)
        if bad.any():
            k = int(bad.argmax())
            raise ParameterError(
                f"the gradient of {label} is {gradients[k, column]:.8g} for output {column} of "
                f"{outputs} at logits {Z[k].round(4).tolist()} and targets "
                f"{Y[k].round(4).tolist()}, but central differences of its value give "
                f"{differences[k]:.8g}; correct one of the two functions"
            )


def check_optimizer(label: str, optimizer: CustomOptimizer) -> None:
    """Refuse an update that depends on other entries, or leads up the bowl theta^2 / 2.

    Raises:
        ParameterError: naming the optimizer by its label.
    """
    gradients, few = np.random.default_rng(0).standard_normal((_STEPS, _ENTRIES)), slice(3, 8)
    all_entries = _steps(label, optimizer, gradients)
    alone = _steps(label, optimizer, gradients[:, few].copy())
    for t, (whole, part) in enumerate(zip(all_entries, alone, strict=True), 1):
        if not all(_close(one, other[..., few]) for one, other in zip(part, whole, strict=True)):
            raise ParameterError(
                f"{label} gives an entry another step {t} when other entries are left out; it must "
                "treat every entry by itself"
            )
    theta = np.linspace(-3, 3, _ENTRIES)
    before = theta.copy()
    for step, _ in _steps(label, optimizer, (theta.copy() for _ in range(_STEPS))):
        theta -= _RATE * step
    if not (theta**2).sum() < (before**2).sum():
        raise ParameterError(
            f"{label} leads uphill: {_STEPS} steps with gradient theta take |theta|^2 from "
            f"{(before**2).sum():.4g} to {(theta**2).sum():.4g}; theta <- theta - eta direction, "
            "so the direction has the sign of the gradient"
        )


def numbers(what: str, function: Callable[..., Any], shape: tuple[int, ...], *given: Array) -> Any:
    """Call a user's function; return finite float64 numbers of this shape.

    Args:
        what: the function, for messages.
        function: must leave `given` as it is.
        shape: that is expected.
        given: its arguments.

    Raises:
        ParameterError: it does not return such numbers.
    """
    before = [array.copy() for array in given]
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(function(*given), dtype=np.float64)
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        raise ParameterError(
            f"{what} raised {printable(f'{type(error).__name__}: {error}')}"
        ) from error
    if not all(map(same_numbers, given, before)):
        raise ParameterError(f"{what} writes to its arguments; it must leave them as they are")
    if found.shape != shape:
        raise ParameterError(f"{what} returns shape {found.shape} where {shape} is expected")
    if not np.isfinite(found).all():
        raise ParameterError(f"{what} is not finite at arguments of usual size")
    return found


def _elementwise(what: str, function: Callable[[Array], Any]) -> Array:
    """Return a function's values at the points, once it is known to go entry by entry."""
    points = _POINTS.copy()
    found: Array = numbers(what, function, points.shape, points)
    turned = _POINTS[::-2].reshape(-1, 1).copy()
    again = numbers(what, function, turned.shape, turned)
    if not _close(again[:, 0], found[::-2]):
        raise ParameterError(
            f"{what} depends on the other entries or on the shape of its argument; it must treat "
            "every entry by itself"
        )
    return found


def _steps(
    label: str, optimizer: CustomOptimizer, gradients: Iterable[Array]
) -> Iterator[tuple[Array, Array]]:
    """Yield direction and next state of each step; the first starts at rest."""
    state = None
    for t, g in enumerate(gradients, 1):
        state = np.zeros((optimizer.slots, len(g))) if state is None else state
        step, state = _step(label, optimizer, g, state, t)
        yield step, state


def _step(
    label: str, optimizer: CustomOptimizer, g: Array, state: Array, t: int
) -> tuple[Array, Array]:
    """Return direction and next state, both of the right shape and finite."""
    both: list[Any] = []

    def direction(g: Array, state: Array) -> Any:
        both[:] = optimizer.direction(g, state, t)
        return both[0]

    step = numbers(f"the direction of {label}", direction, g.shape, g, state)
    return step, numbers(f"the state of {label}", lambda: both[1], state.shape)


def _around(points: Array) -> tuple[Array, Array, Array]:
    """Return the ends of the central differences, and their distance."""
    steps = _STEP * np.maximum(np.abs(points), 1)
    up, down = points + steps, points - steps
    return up, down, up - down


def _disagree(derivative: Array, differences: Array, values: Array) -> Array:
    return ~(
        np.abs(derivative - differences) <= ALLOWED * (1 + np.abs(derivative) + np.abs(values))
    )


def _close(one: Array, other: Array) -> bool:
    return np.allclose(one, other, rtol=ALLOWED, atol=ALLOWED)
