"""What dropout keeps of a batch: `samplewise.contract.dropout`, for many samples at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract.dropout import FIRST, GOLDEN, SECOND, stream_of

Matrix = NDArray[Any]


def write_factors(key: int, first: int, layer: int, rate: float, factors: Matrix) -> None:
    """Write 1 / (1 - rate) where a value is kept, else 0.

    Args:
        key: of the epoch.
        first: position of the first sample in the order of the epoch.
        layer: index in the network.
        rate: of dropout.
        factors: written, (samples, size).
    """
    count, size = factors.shape
    starts = [stream_of(key, first + i, layer) for i in range(count)]
    with np.errstate(over="ignore"):
        words = np.uint64(GOLDEN) * np.arange(1, size + 1, dtype=np.uint64)
        words = np.array(starts, dtype=np.uint64)[:, None] + words
        for shift, factor in ((30, FIRST), (27, SECOND)):
            words ^= words >> np.uint64(shift)
            words *= np.uint64(factor)
        words ^= words >> np.uint64(31)
    words >>= np.uint64(32)
    np.multiply(words >= np.uint64(round(rate * 2**32)), 1 / (1 - rate), out=factors)
