"""The microarchitecture level of this processor."""

from __future__ import annotations

from functools import cache

from llvmlite import binding

V3, V4 = "x86-64-v3", "x86-64-v4"
_BEYOND_V3 = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


@cache
def processor_level() -> str:
    """Return the level whose built-in rates stand in for this core's: that of AVX-512, or V3.

    Processors below V3, and those of other makes, are nearest to V3.
    """
    features = binding.get_host_cpu_features()
    return V4 if all(features.get(name, False) for name in _BEYOND_V3) else V3
