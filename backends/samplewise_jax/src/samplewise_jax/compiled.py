"""The compiled functions of a network: predict, one gradient, and the steps of a window.

JAX compiles a function anew for other shapes, in about a second. Rows and steps are therefore
padded to powers of two, and the number of steps is data: a window of 100 steps and one of 70 are
the same code, as are batches that end short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from samplewise.network import Network
from samplewise_jax.lazy import jax, jnp, lax
from samplewise_jax.optimizers import Numbers, Rule
from samplewise_jax.options import compiler_options
from samplewise_jax.passes import Passes

Array = Any
Tensors = dict[str, Array]
# Networks whose code is kept, about 7 MB each: a search over shapes would fill the memory.
KEPT_NETWORKS = 32


# Padding that costs nothing to speak of.
FEW_ROWS, FEW_STEPS, FEW_SAMPLES = 16, 32, 1024
# Of one row: more of them for 15 rows of padding would cost more than a call.
FEW_MULTIPLY_ADDS = 5_000
# Rows on the device are a multiple of this, or at most an eighth more than there are.
DEVICE_ROWS = 64


def padded_rows(count: int, network: Network) -> int:
    """Return the rows of a call that takes `count` of them; one of a large network stays alone."""
    if count == 1 and network.multiply_adds > FEW_MULTIPLY_ADDS:
        return 1
    return max(power_of_two(count), FEW_ROWS)


def padded_data(count: int) -> int:
    """Return the rows on the device that hold `count` of them."""
    unit = max(power_of_two(count) // 16, DEVICE_ROWS)
    return -(-count // unit) * unit


def padded_steps(count: int, batch_size: int) -> int:
    """Return the steps that a window of `count` of them has room for."""
    return max(power_of_two(count), min(FEW_STEPS, FEW_SAMPLES // batch_size))


def power_of_two(count: int) -> int:
    """Return the power of two from `count` on."""
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


class Inputs(NamedTuple):
    """The inputs of the steps of a window, beside the rows.

    Args:
        trained: tensors by name.
        slots: of the optimizer, each by name as `trained`.
        frozen: tensors that stay.
        window: the data of the steps.
        numbers: of the optimizer, each of shape ().
    """

    trained: Tensors
    slots: tuple[Tensors, ...]
    frozen: Tensors
    window: Window
    numbers: Numbers


class Outputs(NamedTuple):
    """The results of the steps of a window.

    Args:
        trained, slots: as of `Inputs`, after the last step.
        losses: of each row before its step, (S, B).
        logits: behind them, (S, B, outputs).
        squares: of the penalised weights before each step, float64 (S,), where it has an L2.
    """

    trained: Tensors
    slots: tuple[Tensors, ...]
    losses: Array
    logits: Array
    squares: Array


# Several networks have the rows and their order in common.
_OF_EACH = Inputs(0, 0, 0, Window(None, None, 0, None, 0, 0, None), 0)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Compiled:
    """The compiled functions of a network; each is compiled when it first meets a shape.

    Args:
        logits: of tensors and X; returns (rows, outputs).
        gradient: of trained and frozen tensors and rows, as `Passes.gradient`, without dropout.
        window: of X and `Inputs`; returns `Outputs`.
        windows: as `window`, of several equal networks: all but the rows and their targets has one
            more axis in front.
    """

    logits: Any
    gradient: Any
    window: Any
    windows: Any


@lru_cache(maxsize=KEPT_NETWORKS)
def compiled(passes: Passes, rule: Rule, platform: str) -> Compiled:
    """Return the functions of a network on a platform, the same ones for an equal one."""
    penalised = [slot.name for slot in passes.network.weights]

    def window(X: Array, inputs: Inputs) -> Outputs:
        data = inputs.window
        penalties = "step_l2" in data.numbers

        def step(i: Array, now: Outputs) -> Outputs:
            squares = now.squares
            if penalties:
                weights = [now.trained[name] for name in penalised]
                squares = squares.at[i].set(_square(weights))
            picked = X.at[data.rows[i]].get(mode="promise_in_bounds")
            rows = picked, data.Y[i], data.scales[i], data.positions[i]
            losses, Z, mean = passes.gradient(now.trained, inputs.frozen, rows, data.key)
            k = {**inputs.numbers, **{name: each[i] for name, each in data.numbers.items()}}
            trained, slots = rule.step(now.trained, mean, now.slots, penalised, k)
            written = now.losses.at[i].set(losses), now.logits.at[i].set(Z), squares
            return Outputs(trained, slots, *written)

        squares = jnp.zeros(len(data.rows) if penalties else 0, np.float64)
        empty = jnp.zeros_like(data.scales), jnp.zeros_like(data.Y), squares
        first = Outputs(inputs.trained, inputs.slots, *empty)
        return lax.fori_loop(0, data.steps, step, first)

    windows = jax.vmap(window, in_axes=(None, _OF_EACH))
    options = compiler_options(passes.network, platform, rule.variant)
    steps = (jax.jit(function, compiler_options=options) for function in (window, windows))
    return Compiled(*_untrained(passes, platform), *steps)


@lru_cache(maxsize=KEPT_NETWORKS)
def _untrained(passes: Passes, platform: str) -> tuple[Any, Any]:
    """Return `logits` and `gradient` of `Compiled`, the same ones for any optimizer."""

    def gradient(trained: Tensors, frozen: Tensors, rows: tuple[Array, ...]) -> Any:
        return passes.gradient(trained, frozen, rows, None)

    options = compiler_options(passes.network, platform)
    logits = jax.jit(passes.logits, compiler_options=options)
    return logits, jax.jit(gradient, compiler_options=options)


def _square(tensors: Sequence[Array]) -> Array:
    """Return the sum of the squares of all entries, in float64."""
    return sum((jnp.square(W.astype(np.float64)).sum() for W in tensors), np.float64(0))
