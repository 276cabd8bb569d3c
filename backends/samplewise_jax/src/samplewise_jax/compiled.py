"""The compiled functions of a network: predict, one gradient, and the steps of a window.

JAX compiles a function anew for other shapes, in about a second. Rows and steps are therefore
padded to powers of two, and the number of steps is data: a window of 100 steps and one of 70 are
the same code, as are batches that end short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        rows: of X and Y, int64 (S, B).
        scales: of each row's loss in the mean of its batch, (S, B); 0 where it is padding.
        numbers: of each step, (S,) by name.
        key: of dropout, uint64 ().
        first: position of the first row in the order of the epoch, uint64 ().
        steps: number of steps to make, int64 (); None makes them all.
    """

    rows: Array
    scales: Array
    numbers: Numbers
    key: Array
    first: Array
    steps: Array | None


class Inputs(NamedTuple):
    """The inputs of the steps of a window, beside X and Y.

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


class Trained(NamedTuple):
    """The results of the steps of a window.

    Args:
        tensors, slots: as `trained` and `slots` of `Inputs`, after the last step.
        losses: of each row before its step, (S, B).
        logits: behind them, (S, B, outputs).
        squares: of the penalised weights before each step, float64 (S,), where it has an L2.
    """

    tensors: Tensors
    slots: tuple[Tensors, ...]
    losses: Array
    logits: Array
    squares: Array


class Outputs(NamedTuple):
    """`Trained` as it leaves a call: each array on its way back costs some microseconds.

    Args:
        vectors: parameters and slots as flat vectors one after the other, ((1 + slots) * P,), with
            zeros where nothing is trained.
        losses, logits, squares: as of `Trained`.
    """

    vectors: Array
    losses: Array
    logits: Array
    squares: Array


# Several networks have the rows and their order in common.
_OF_EACH = Inputs(0, 0, 0, Window(None, 0, 0, 0, None, None), 0)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Compiled:
    """The compiled functions of a network; each is compiled when it first meets a shape.

    Args:
        logits: of tensors and X; returns (rows, outputs).
        gradient: of trained and frozen tensors and rows, as `Passes.gradient`, without dropout;
            returns the losses and the flat gradient.
        window: of X, Y and `Inputs`, as `steps_of`; returns `Outputs`.
        windows: as `window`, of several equal networks: all but the rows has one more axis in
            front.
    """

    logits: Any
    gradient: Any
    window: Any
    windows: Any


def steps_of(passes: Passes, rule: Rule) -> Callable[[Array, Array, Inputs], Trained]:
    """Return the steps of a window as a function that is still to be compiled.

    It takes X (rows, inputs) and Y (rows, outputs).
    """
    penalised = [slot.name for slot in passes.network.weights]

    def steps(X: Array, Y: Array, inputs: Inputs) -> Trained:
        data = inputs.window
        penalties = "step_l2" in data.numbers
        batch = np.arange(data.rows.shape[1], dtype=np.uint64)

        def step(i: Array, now: Trained) -> Trained:
            squares = now.squares
            if penalties:
                weights = [now.tensors[name] for name in penalised]
                squares = squares.at[i].set(_square(weights))
            x, y = (part.at[data.rows[i]].get(mode="promise_in_bounds") for part in (X, Y))
            positions = data.first + (i * len(batch)).astype(np.uint64) + batch
            rows = x, y, data.scales[i], positions
            losses, Z, mean = passes.gradient(now.tensors, inputs.frozen, rows, data.key)
            k = {**inputs.numbers, **{name: each[i] for name, each in data.numbers.items()}}
            tensors, slots = rule.step(now.tensors, mean, now.slots, penalised, k)
            written = now.losses.at[i].set(losses), now.logits.at[i].set(Z), squares
            return Trained(tensors, slots, *written)

        squares = jnp.zeros(len(data.rows) if penalties else 0, np.float64)
        logits = jnp.zeros((*data.rows.shape, Y.shape[1]), Y.dtype)
        empty = jnp.zeros_like(data.scales), logits, squares
        first = Trained(inputs.trained, inputs.slots, *empty)
        # A number that is known lets XLA do without the loop of a single step.
        count = len(data.rows) if data.steps is None else data.steps
        return lax.fori_loop(0, count, step, first)

    return steps


@lru_cache(maxsize=KEPT_NETWORKS)
def compiled(passes: Passes, rule: Rule, platform: str) -> Compiled:
    """Return the functions of a network on a platform, the same ones for an equal one."""
    steps = steps_of(passes, rule)

    def window(X: Array, Y: Array, inputs: Inputs) -> Outputs:
        tensors, slots, *found = steps(X, Y, inputs)
        vectors = (_flat(passes.network, part, X.dtype) for part in (tensors, *slots))
        return Outputs(jnp.concatenate([*vectors]), *found)

    windows = jax.vmap(window, in_axes=(None, None, _OF_EACH))
    options = compiler_options(passes.network, platform, rule.variant)
    calls = (jax.jit(function, compiler_options=options) for function in (window, windows))
    return Compiled(*_untrained(passes, platform), *calls)


@lru_cache(maxsize=KEPT_NETWORKS)
def _untrained(passes: Passes, platform: str) -> tuple[Any, Any]:
    """Return `logits` and `gradient` of `Compiled`, the same ones for any optimizer."""

    def gradient(trained: Tensors, frozen: Tensors, rows: tuple[Array, ...]) -> Any:
        losses, _, found = passes.gradient(trained, frozen, rows, None)
        return losses, _flat(passes.network, found, losses.dtype)

    options = compiler_options(passes.network, platform)
    logits = jax.jit(passes.logits, compiler_options=options)
    return logits, jax.jit(gradient, compiler_options=options)


def _flat(network: Network, tensors: Tensors, dtype: Any) -> Array:
    """Return tensors in their places of a flat vector (P,), with zeros elsewhere."""
    slots = network.layout.slots
    ends = [*(slot.offset for slot in slots[1:]), network.layout.size]
    parts = []
    for slot, end in zip(slots, ends, strict=True):
        own = [tensors[slot.name].ravel()] if slot.name in tensors else []
        gap = end - slot.offset - sum(map(len, own))
        parts += [*own, jnp.zeros(gap, dtype)]
    return jnp.concatenate(parts)


def _square(tensors: Sequence[Array]) -> Array:
    """Return the sum of the squares of all entries, in float64."""
    return sum((jnp.square(W.astype(np.float64)).sum() for W in tensors), np.float64(0))
