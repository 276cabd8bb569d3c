"""The rates of this machine: those built in of the machine most like it, or measured and kept.

Built-in rates serve until a training is long enough to pay for measuring, or until somebody asks
for it (`calibrate`). The file lies in the user's cache folder beside the compiled kernels, whose
folder is named after the sources: rates of other sources are never found. Where nothing can be
kept, nothing is measured: a new measurement in every process could change the plan, and with it the
last bits of a result, from run to run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from contextlib import suppress
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np

from samplewise.locks import new_lock
from samplewise_backends.numba_cpu.compile import key, whole_file
from samplewise_backends.numba_cpu.compile.blas import has_avx2_kernels
from samplewise_backends.numba_cpu.compile.kernel_cache import cache_folder, keeps_kernels
from samplewise_backends.numba_cpu.planner.rates import Rates

FORMAT = 1
# The machines whose rates are built in: cores of Zen 2 or 3, Zen 4, and Zen 5; these once more with
# the matrix products for AVX2, as OpenBLAS 0.3.31 has them on processors that it does not know.
V3, V4, ZEN_5, ZEN_5_AVX2_BLAS = "x86-64-v3", "x86-64-v4", "znver5", "znver5-avx2-blas"
BUILT_IN = {V3: "", V4: "znver4", ZEN_5: "znver5", ZEN_5_AVX2_BLAS: "znver5"}
"""Their processors, as LLVM names them; empty where that was not noted."""
MAX_BYTES = 65_536
# A file with a number beyond these is damaged: no core has such rates.
SMALLEST, LARGEST = 1e-4, 1e6
# Seconds that it takes to measure one dtype, and the share of a training's time that measured rates
# save: where the built-in ones are of the same processor, and where they are of another. Means over
# the planner's suite on Zen 5, with its own rates built in and with those of Zen 4.
MEASURING_S, SAVED, SAVED_ELSEWHERE = 1.2, 0.01, 0.2


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Rates of this core; or built-in ones of the nearest, and why those (else empty)."""

    rates: Rates
    built_in: str = ""


# Once known, rates stay the same in this process, whatever another one keeps meanwhile.
_known: dict[str, Calibration] = {}
_lock = new_lock()


def pays(predicted_ns: float) -> bool:
    """Return True if measuring costs less than it saves in a training of so many nanoseconds."""
    is_known = BUILT_IN[nearest_machine()] == key.processor().name
    return predicted_ns * 1e-9 * (SAVED if is_known else SAVED_ELSEWHERE) > MEASURING_S


def known_rates(dtype: str) -> Calibration:
    """Return the rates kept for this machine, else built-in ones; "float32" or "float64"."""
    with _lock:
        if dtype not in _known:
            path = _path(dtype)
            found = None if path is None else read(path)
            unmeasured = _built_in(dtype, "this machine was not measured")
            _known[dtype] = unmeasured if found is None else Calibration(found)
        return _known[dtype]


def calibrate(dtype: str) -> Calibration:
    """Measure this machine and keep its rates, unless that was done; "float32" or "float64".

    Takes about a second beside compiling. Returns built-in rates where none can be kept.
    """
    known = known_rates(dtype)
    # Two threads that measure at once would measure one another.
    with _lock:
        if _known[dtype] is known and known.built_in:
            _known[dtype] = _measured_or_built_in(dtype)
        return _known[dtype]


def _path(dtype: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"rates-{dtype}.json"


def _built_in(dtype: str, why: str) -> Calibration:
    return Calibration(built_in_rates(dtype), why)


def _measured_or_built_in(dtype: str) -> Calibration:
    path = _path(dtype)
    if path is None:
        return _built_in(dtype, "no folder to keep measured ones in")
    if path.exists() and not path.is_file():
        return _built_in(dtype, f"{path} is not a file, so none can be kept")
    if not keeps_kernels():
        return _built_in(dtype, f"{path.parent} cannot be written")
    try:
        return Calibration(_measured(path, dtype))
    except (OSError, MemoryError) as error:
        return _built_in(dtype, f"measuring failed: {error}")


def _measured(path: Path, dtype: str) -> Rates:
    """Measure and keep, unless another process was faster: then its rates are taken."""
    from samplewise_backends.numba_cpu.planner.measuring import measure

    found = read(path)
    if found is None:
        rates = measure(np.dtype(dtype))
        found = read(path)
        if found is None:
            write(path, rates)
            found = rates
    return found


def nearest_machine() -> str:
    """Return the machine of `BUILT_IN` that is most like this one.

    What decides most is how wide the vectors are of our own kernels and of BLAS's. Processors below
    V3, and those of other makes, are nearest to V3.
    """
    if V4 not in key.levels():
        return V3
    if has_avx2_kernels():
        return ZEN_5_AVX2_BLAS
    return ZEN_5 if key.processor().name == ZEN_5 else V4


@cache
def built_in_rates(dtype: str, machine: str | None = None) -> Rates:
    """Return the rates of one of `BUILT_IN`, measured in advance; None takes the nearest."""
    file = resources.files(__package__) / "built_in" / f"{machine or nearest_machine()}.json"
    found = json.loads(file.read_text(encoding="utf-8"))[dtype]
    return Rates(**{name: _frozen(value) for name, value in found.items()})


def machine() -> dict[str, str]:
    """Return the parts of a machine that decide its rates, beside the sources and numba."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "scipy": metadata.version("scipy"),
        # With these, OpenBLAS takes the kernels of another processor.
        "openblas": os.environ.get("OPENBLAS_CORETYPE", ""),
        "mkl": os.environ.get("MKL_ENABLE_INSTRUCTIONS", ""),
    }


def _processor() -> str:
    with suppress(OSError), Path("/proc/cpuinfo").open(errors="replace") as file:
        # All cores of a large machine would take longer than the first.
        for line in file.read(4096).splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    return platform.processor()


def write(path: Path, rates: Rates) -> None:
    """Write a file that `read` takes, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    content = {"format": FORMAT, "machine": machine(), "rates": dataclasses.asdict(rates)}
    whole_file.write(path, json.dumps(content, indent=1).encode())


def read(path: Path) -> Rates | None:
    """Return the rates in a file, or None where they are damaged, or of another machine."""
    try:
        content = whole_file.read(path, MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            return None
        found = json.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.keys() != {"format", "machine", "rates"}:
        return None
    if found["format"] != FORMAT or found["machine"] != machine():
        return None
    return _rates(found["rates"])


def _rates(found: Any) -> Rates | None:
    """Return the rates, or None where they are not such numbers in arrays as the built-in ones."""
    model = dataclasses.asdict(built_in_rates("float32"))
    if not isinstance(found, dict) or found.keys() != model.keys():
        return None
    if not all(_is_like(found[name], value) for name, value in model.items()):
        return None
    return Rates(**{name: _frozen(value) for name, value in found.items()})


def _is_like(value: Any, model: Any) -> bool:
    """Return True if `value` is arrays in arrays like the model, of plausible numbers."""
    if isinstance(model, tuple):
        fits = isinstance(value, list) and len(value) == len(model)
        return fits and all(map(_is_like, value, model))
    return type(value) in (int, float) and SMALLEST <= value <= LARGEST


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else float(value)
