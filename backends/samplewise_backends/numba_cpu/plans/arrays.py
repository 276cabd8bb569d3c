"""Types of arrays, in either dtype, and an array for vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.kernels.records import LANES

Vector = NDArray[Any]
Matrix = NDArray[Any]
DType = np.dtype[Any]


def readable_beyond(shape: tuple[int, ...], dtype: DType) -> Matrix:
    """Return zeros behind which a vector can be read: the last one of a row may reach beyond it."""
    count = math.prod(shape)
    return aligned_zeros(count + LANES, dtype)[:count].reshape(shape)
