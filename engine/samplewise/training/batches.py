"""The order of samples, and the chunks in which an epoch is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Plan, Steps
from samplewise.contract.plan import window_length
from samplewise.network import Network
from samplewise.streams import Streams

# An interrupt acts between two chunks. A step does about three times these multiply-adds, and
# the slowest built-in backend was measured at 10^9 of them a second: 0.3 s.
CHUNK_MULTIPLY_ADDS = 100_000_000
# A tiny network costs its calls, not its sums: 30 us a sample in the reference backend.
CHUNK_SAMPLES = 16_384


def fixed_order(rows: int) -> NDArray[np.int64]:
    """Return the rows as they lie, read-only."""
    return _frozen(np.arange(rows, dtype=np.int64))


class Orders:
    """The order of the rows in each epoch: shuffled, or as they lie where `seed` is None."""

    def __init__(self, rows: int, seed: int | None) -> None:
        self._fixed, self._seed = fixed_order(rows), seed

    def of_epoch(self, epoch: int) -> NDArray[np.int64]:
        """Return the order of an epoch, counted from 1, read-only.

        Without shuffling it is the same array object each time, so that a program knows by identity
        that its Gram matrices of the order still hold.
        """
        if self._seed is None:
            return self._fixed
        rows = len(self._fixed)
        return (_kept if rows <= KEPT_ROWS else _shuffled)(rows, self._seed, epoch)


def _shuffled(rows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return _frozen(Streams(seed).of_epoch("order", epoch).permutation(rows))


# A search trains again and again on as many rows with one seed. To draw the order of 1,200 rows
# takes 19 us, to find it again 0.1. All orders that are kept take 8 MB at most.
KEPT_ROWS, KEPT_ORDERS = 4096, 256
_kept = lru_cache(KEPT_ORDERS)(_shuffled)


def _frozen(order: NDArray[np.int64]) -> NDArray[np.int64]:
    order.flags.writeable = False
    return order


def samples_at_once(networks: Sequence[Network]) -> int:
    """Return the maximum samples of networks at once after which an interrupt still acts soon."""
    multiply_adds = sum(network.multiply_adds for network in networks)
    return min(CHUNK_SAMPLES // len(networks), CHUNK_MULTIPLY_ADDS // multiply_adds)


def chunk_samples_of_all(networks: Sequence[Network], plan: Plan) -> int:
    """Return the maximum samples in a chunk of networks at once, so that an interrupt acts soon."""
    if plan.chunk is not None:
        return plan.chunk
    samples = samples_at_once(networks)
    # A block that a chunk cuts short costs nearly as much as a whole one.
    block = plan.block or 1
    return samples - samples % block if samples > block else samples


def windows(batch_size: int, samples: int, stop: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Cut an epoch into windows of bounded work, at batch edges: the begin and the end of each.

    The edges follow from the problem alone, never from a clock: a program that treats a chunk as a
    whole then gives the same bits on every run.

    Args:
        batch_size: rows of a step.
        samples: in a window, about; `chunk_samples_of_all` says how many.
        stop: where the epoch ends: all rows, or whole batches.
        start: an edge of a window, from which to go on.
    """
    length = window_length(stop, batch_size, samples)
    for first in range(start, stop, length):
        yield first, min(first + length, stop)


def chunks(
    order: NDArray[np.int64], batch_size: int, learning_rate: float, samples: int
) -> Iterator[Steps]:
    """Cut a whole epoch into steps of one learning rate, by `windows`."""
    for start, stop in windows(batch_size, samples, len(order)):
        yield Steps(order, start, stop, batch_size, learning_rate)
