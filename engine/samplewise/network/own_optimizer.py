"""Optimizers of the user's own, checked when they are registered."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, whole_number
from samplewise.errors import ParameterError
from samplewise.network.optimizers import OPTIMIZERS, Direction, OwnOptimizer, own_optimizers
from samplewise.network.own_checks import ALLOWED, check_name, numbers

Array = NDArray[Any]
MOST_SLOTS = 16
_ENTRIES, _STEPS = 24, 20
# Of the gradients tried: enough steps of this size lead into the bowl from where they start.
_RATE = 0.01


def register_optimizer(
    name: str, rule: Direction, *, slots: int = 0, replace: bool = False
) -> None:
    """Make an optimizer of your own known by a name, for settings of this process.

    A step is direction, v <- rule(g, v, t); theta <- theta - eta direction. Limits of the gradient
    and penalties are applied to g before, and a schedule to eta, as to every rule. It runs on
    `reference` and `vectorized`.

    The rule goes entry by entry, since backends call it for parts of the parameters, and leaves its
    arguments as they are. It is tried for 20 steps on drawn gradients, and on a bowl, g = theta,
    which its steps must go down.

    Args:
        name: as `register_activation`.
        rule: of the mean gradient g (P,), the state v (slots, P), zero before the first step, both
            float64 or float32, and the number t of the step from 1: the direction (P,) and the
            next state (slots, P).
        slots: vectors of state that it keeps, 0 to 16.
        replace: as `register_activation`.

    Raises:
        ParameterError: the name does not do, the rule does not return such numbers, depends on
            other entries, or leads uphill.
    """
    what = f"optimizer '{printable(name)}'"
    check_name(what, name, set(OPTIMIZERS) - own_optimizers(), own_optimizers(), replace=replace)
    kept = whole_number("slots", slots, minimum=0, maximum=MOST_SLOTS)
    members = {"name": name, "rule": staticmethod(rule), "kept": kept}
    kind = type(f"OwnOptimizer_{name}", (OwnOptimizer,), members)
    _check_entries(what, kind())
    _check_bowl(what, kind())
    OPTIMIZERS[name] = kind


def _step(what: str, rule: OwnOptimizer, g: Array, state: Array, t: int) -> tuple[Array, Array]:
    """Return direction and next state, both of the right shape and finite."""
    both: list[Any] = []

    def direction(g: Array, state: Array) -> Any:
        both[:] = rule.direction(g, state, t)
        return both[0]

    step = numbers(f"the direction of {what}", direction, g.shape, g, state)
    after = numbers(f"the state of {what}", lambda: both[1], state.shape)
    return step, after


def _check_entries(what: str, rule: OwnOptimizer) -> None:
    """Refuse a rule that treats a part of the entries otherwise than all of them."""
    rng = np.random.default_rng(0)
    few = slice(3, 8)
    state = np.zeros((rule.slots, _ENTRIES))
    alone = state[:, few].copy()
    for t in range(1, _STEPS + 1):
        g = rng.standard_normal(_ENTRIES)
        step, state = _step(what, rule, g, state, t)
        own, alone = _step(what, rule, g[few].copy(), alone, t)
        pairs = ((own, step[few]), (alone, state[:, few]))
        if not all(np.allclose(a, b, rtol=ALLOWED, atol=ALLOWED) for a, b in pairs):
            raise ParameterError(
                f"{what} makes another step {t} of an entry when others are left out; it must "
                "treat every entry by itself"
            )


def _check_bowl(what: str, rule: OwnOptimizer) -> None:
    """Refuse a rule whose steps lead up the bowl theta^2 / 2."""
    theta = np.linspace(-3, 3, _ENTRIES)
    before, state = theta.copy(), np.zeros((rule.slots, _ENTRIES))
    for t in range(1, _STEPS + 1):
        step, state = _step(what, rule, theta.copy(), state, t)
        theta = theta - _RATE * step
    if not (theta**2).sum() < (before**2).sum():
        raise ParameterError(
            f"{what} leads uphill: {_STEPS} steps with gradient theta take |theta|^2 from "
            f"{(before**2).sum():.4g} to {(theta**2).sum():.4g}; theta <- theta - eta direction, "
            "so the direction has the sign of the gradient"
        )
