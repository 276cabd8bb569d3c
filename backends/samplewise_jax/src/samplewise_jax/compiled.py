"""The compiled functions of a network: predict, one gradient, and the steps of a window.

JAX compiles a function anew for other shapes, in about a second. Rows and steps are therefore
padded to powers of two, and the number of steps is data: a window of 100 steps and one of 70 are
the same code, as are batches that end short.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from samplewise_jax.lazy import jax, jnp, lax
from samplewise_jax.optimizers import Numbers, Rule
from samplewise_jax.passes import Passes

Array = Any
Tensors = dict[str, Array]
# Networks whose code is kept, about 7 MB each: a search over shapes would fill the memory.
KEPT_NETWORKS = 32


# Padding that costs nothing to speak of.
FEW_ROWS, FEW_STEPS, FEW_SAMPLES = 16, 32, 1024


def padded_rows(count: int) -> int:
    """Return the rows of a call that takes `count` of them; one row stays alone."""
    return count if count == 1 else max(_power_of_two(count), FEW_ROWS)


def padded_steps(count: int, batch_size: int) -> int:
    """Return the steps that a window of `count` of them has room for."""
    return max(_power_of_two(count), min(FEW_STEPS, FEW_SAMPLES // batch_size))


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()


class Window(NamedTuple):
    """The data of the steps of a window; S steps of B rows, padded.

    Args:
        rows: of X, int64 (S, B).
        Y: targets of these rows, (S, B, outputs).
        scales: of each row's loss in the mean of its batch, (S, B); 0 where it is padding.
        positions: of the rows in the order of the epoch, uint64 (S, B).
        numbers: of each step, (S,) by name.
        key: of dropout, uint64 ().
        steps: number of steps to make, ().
    """

    rows: Array
    Y: Array
    scales: Array
    positions: Array
    numbers: Numbers
    key: Array
    steps: Array


@dataclass(frozen=True)
class Compiled:
    """What is compiled of a network, each function when it first meets a shape.

    Args:
        logits: of tensors and X; returns (rows, outputs).
        gradient: of trained and frozen tensors and rows, as `Passes.gradient`, without dropout.
        window: of trained tensors, slots, frozen tensors, X, a `Window` and the numbers of the
            optimizer; returns trained tensors, slots, losses (S, B), logits (S, B, outputs) and
            the squares of the penalised weights before each step, float64 (S,).
    """

    logits: Any
    gradient: Any
    window: Any


@lru_cache(maxsize=KEPT_NETWORKS)
def compiled(passes: Passes, rule: Rule) -> Compiled:
    """Return the functions of a network, the same ones for an equal one."""

    def gradient(trained: Tensors, frozen: Tensors, rows: tuple[Array, ...]) -> Any:
        return passes.gradient(trained, frozen, rows, None)

    def window(
        trained: Tensors,
        slots: tuple[Tensors, ...],
        frozen: Tensors,
        X: Array,
        data: Window,
        numbers: Numbers,
    ) -> Any:
        penalised = [slot.name for slot in passes.network.weights]
        penalties = "step_l2" in data.numbers

        def step(i: Array, carry: Any) -> Any:
            trained, slots, losses, logits, squares = carry
            if penalties:
                squares = squares.at[i].set(_square({name: trained[name] for name in penalised}))
            picked = X.at[data.rows[i]].get(mode="promise_in_bounds")
            rows = picked, data.Y[i], data.scales[i], data.positions[i]
            values, Z, mean = passes.gradient(trained, frozen, rows, data.key)
            k = {**numbers, **{name: each[i] for name, each in data.numbers.items()}}
            trained, slots = rule.step(trained, mean, slots, penalised, k)
            return trained, slots, losses.at[i].set(values), logits.at[i].set(Z), squares

        outputs = [jnp.zeros_like(part) for part in (data.scales, data.Y)]
        squares = jnp.zeros(len(data.rows) if penalties else 0, np.float64)
        return lax.fori_loop(0, data.steps, step, (trained, slots, *outputs, squares))

    return Compiled(jax.jit(passes.logits), jax.jit(gradient), jax.jit(window))


def _square(tensors: Tensors) -> Array:
    """Return the sum of the squares of all entries, in float64."""
    return sum((jnp.square(W.astype(np.float64)).sum() for W in tensors.values()), np.float64(0))
