"""The values that dropout keeps, a function of the key that the engine draws and nothing else.

A backend may compute it as it likes, as long as the same values are kept. Counter-based, so that
samples can be taken in any order and layers side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The finalizer of SplitMix64: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number
# generators". Every output bit depends on every input bit. Arithmetic is modulo 2^64.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finalizer of each 64-bit word."""
    words = (words ^ (words >> np.uint64(30))) * FIRST
    words = (words ^ (words >> np.uint64(27))) * SECOND
    return words ^ (words >> np.uint64(31))


def kept(key: int, positions: ArrayLike, layer: int, size: int, rate: float) -> NDArray[np.bool_]:
    """Return the dropout mask of a layer of `size` values, bool (samples, size): True is kept.

    Each sample and layer has a stream of words. Value j is kept where the upper 32 bits of the
    stream's j-th word are at least rate 2^32.

    Args:
        key: of the epoch, 64 bits.
        positions: of the samples in the order of the epoch, (samples,).
        layer: index in the network.
        size: values of a sample.
        rate: of dropout.
    """
    samples: NDArray[Any] = np.asarray(positions, dtype=np.uint64)[:, None]
    starts = mixed(mixed(np.uint64(key) + GOLDEN * (samples + np.uint64(1))) + np.uint64(layer))
    words = mixed(starts + GOLDEN * np.arange(1, size + 1, dtype=np.uint64))
    return np.asarray((words >> np.uint64(32)) >= np.uint64(round(rate * 2**32)))
