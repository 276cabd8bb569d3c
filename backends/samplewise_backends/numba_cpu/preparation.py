"""Everything that a later process may need, done ahead: kernels of all kinds, and rates."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from samplewise_backends.numba_cpu.build import all_routines
from samplewise_backends.numba_cpu.compile.library import origin_of
from samplewise_backends.numba_cpu.planner.calibration import calibrate


def prepare(dtypes: Sequence[str], *, measure: bool) -> Iterator[str]:
    """Load or compile every routine; if asked to, measure the rates unless an earlier process did.

    Yields:
        A line about each thing that is done, with its seconds.
    """
    for dtype in dtypes:
        yield _timed(f"{dtype} kernels", _kernels, dtype)
        if measure:
            yield _timed(f"{dtype} rates", _rates, dtype)


def _timed(thing: str, do: Callable[[str], str], dtype: str) -> str:
    began = time.perf_counter()
    done = do(dtype)
    return f"{thing}: {done}, in {time.perf_counter() - began:.1f} s"


def _kernels(dtype: str) -> str:
    found = Counter(origin_of(routine, dtype).value for routine in all_routines())
    return ", ".join(f"{number} {origin}" for origin, number in sorted(found.items()))


def _rates(dtype: str) -> str:
    built_in = calibrate(dtype).built_in
    return f"built in, as {built_in}" if built_in else "measured on this machine"
