"""Threads that wait for one another inside kernels, by a counter in memory.

Here they are in Python; `lowering_meeting` has the instructions that they become in a kernel.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

from samplewise_backends.numba_cpu.compile.views import integers_at

# No meeting counts so far: with it in the counter, nobody waits.
ABANDONED = 2**62


def arrive(address: Any) -> None:
    """Add 1 to the integer at an address, after all that this thread has written before."""
    integers_at(address, 1)[0] += 1


def arrived(address: Any) -> int:
    """Return the integer at an address, before all that this thread reads later."""
    return int(integers_at(address, 1)[0])


def give_way(address: Any) -> None:
    """Call the system's function at an address, which lets another thread have the core."""
    ctypes.CFUNCTYPE(ctypes.c_int)(int(address))()


@cache
def address_of_give_way() -> int:
    """Return the address of the system's function for `give_way`."""
    if os.name == "nt":
        function: Any = ctypes.WinDLL("kernel32").SwitchToThread  # type: ignore[attr-defined]
    else:
        function = ctypes.CDLL(None).sched_yield
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
