"""The microarchitecture level whose built-in rates stand in for this core's."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile import key

V3, V4 = "x86-64-v3", "x86-64-v4"


def processor_level() -> str:
    """Return the level of this processor: that of AVX-512, or V3.

    Processors below V3, and those of other makes, are nearest to V3.
    """
    return V4 if V4 in key.levels() else V3
