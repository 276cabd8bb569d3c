"""The most memory that a call holds at once."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the most bytes that Python and NumPy held for a call, beyond what they held before.

    Buffers count as they are asked for, touched or not. The peak of a process would count its
    100 MB of libraries too, never falls, and so needs a process for each figure; one that trains
    grows by no more than is counted here, to some MB (tests/bench/test_scaling_memory.py). What
    compiled code takes by itself is not seen; the built-in kernels take nothing.

    Args:
        call: warm, or what is made only once is counted too.
    """
    gc.collect()
    nested = tracemalloc.is_tracing()
    if not nested:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not nested:
            tracemalloc.stop()
    return peak - before
