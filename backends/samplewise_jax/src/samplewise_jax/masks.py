"""The values that dropout keeps: those of `samplewise.contract.dropout.kept`, in JAX."""

from __future__ import annotations

from typing import Any

import numpy as np

from samplewise.contract.dropout import GOLDEN, mixed
from samplewise_jax.lazy import jnp

Array = Any


def kept(key: Array, position: Array, layer: int, size: int, rate: float) -> Array:
    """Return the mask of one sample, bool (size,).

    Args:
        key: of the epoch, uint64.
        position: of the sample in the order of the epoch, uint64.
        layer: index in the network.
        size: values of a sample.
        rate: of dropout.
    """
    start = mixed(mixed(key + GOLDEN * (position + np.uint64(1))) + np.uint64(layer))
    words = mixed(start + GOLDEN * jnp.arange(1, size + 1, dtype=jnp.uint64))
    return (words >> np.uint64(32)) >= np.uint64(round(rate * 2**32))
