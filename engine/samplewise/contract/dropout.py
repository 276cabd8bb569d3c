"""Which values dropout keeps: a function of a key that the engine draws, and of nothing else.

A backend may compute it as it likes, as long as the same values are kept. Counter-based, so that
samples can be taken in any order and layers side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The finalizer of SplitMix64: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number
# generators". Every output bit depends on every input bit.
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD = 2**64 - 1


def mixed(word: int) -> int:
    """Return the finalizer of a 64-bit word."""
    word = ((word ^ (word >> 30)) * FIRST) & WORD
    word = ((word ^ (word >> 27)) * SECOND) & WORD
    return word ^ (word >> 31)


def stream_of(key: int, position: int, layer: int) -> int:
    """Return the start of the stream of one sample and one layer.

    Args:
        key: of the epoch, 64 bits.
        position: of the sample in the order of the epoch.
        layer: index in the network.
    """
    return mixed(mixed((key + GOLDEN * (position + 1)) & WORD) + layer)


def kept(key: int, position: int, layer: int, size: int, rate: float) -> NDArray[np.bool_]:
    """Return which of `size` values of one sample's layer are kept, bool (size,).

    Value j is kept where the upper 32 bits of the stream's j-th word are at least rate 2^32.
    """
    start = np.uint64(stream_of(key, position, layer) & WORD)
    with np.errstate(over="ignore"):
        words = start + np.uint64(GOLDEN) * np.arange(1, size + 1, dtype=np.uint64)
        words = (words ^ (words >> np.uint64(30))) * np.uint64(FIRST)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(SECOND)
        words ^= words >> np.uint64(31)
    return (words >> np.uint64(32)) >= np.uint64(round(rate * 2**32))
