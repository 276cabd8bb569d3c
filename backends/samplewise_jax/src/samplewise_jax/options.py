"""Options of XLA by which small networks compile in half the time."""

from __future__ import annotations

from functools import cache

from samplewise.network import Network
from samplewise_jax import device
from samplewise_jax.lazy import jax

# XLA's newer code for fused operations takes twice as long to compile, and pays for large arrays
# only: Adam's steps of 100,000 parameters took half the time of the older code.
SMALL = {"xla_cpu_use_fusion_emitters": False}
SMALL_PARAMETERS = 20_000


def compiler_options(network: Network) -> dict[str, bool]:
    """Return the options to compile the functions of a network with."""
    return SMALL if network.layout.size <= SMALL_PARAMETERS and _are_known() else {}


@cache
def _are_known() -> bool:
    """Return True if the device is a CPU, and its compiler still has the options."""
    if device.chosen().platform != "cpu":
        return False
    try:
        jax.jit(lambda x: x, compiler_options=SMALL).lower(0.0).compile()
    except RuntimeError:
        return False
    return True
