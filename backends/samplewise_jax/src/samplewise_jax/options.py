"""Options of XLA by which small networks compile in less time."""

from __future__ import annotations

from functools import cache

from samplewise.network import Network
from samplewise_jax.device import CPU
from samplewise_jax.lazy import jax

# XLA's newer code for fused operations takes 0.5 s more to compile. A step of a small network is at
# most 2 us quicker by it, but Adam's 13 us: roots are the older code's weakness.
SMALL = {"xla_cpu_use_fusion_emitters": False}
SMALL_MULTIPLY_ADDS = 2_000
ROOTS = frozenset({"adam", "epsilon_hat", "rmsprop", "adagrad"})


def compiler_options(network: Network, platform: str, variant: str = "") -> dict[str, bool]:
    """Return the options to compile functions of a network with.

    Args:
        network: decides by its size.
        platform: of the device in use, such as "cpu"; the options are those of a CPU.
        variant: of the optimizer whose steps are compiled; "" compiles none.
    """
    small = network.multiply_adds <= SMALL_MULTIPLY_ADDS and variant not in ROOTS
    return SMALL if small and platform == CPU and _are_known() else {}


@cache
def _are_known() -> bool:
    """Return True if the compiler still has the options."""
    try:
        jax.jit(lambda x: x, compiler_options=SMALL).lower(0.0).compile()
    except RuntimeError:
        return False
    return True
