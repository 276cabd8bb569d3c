"""The rates of this machine: measured once and kept in the user's cache folder.

The file lies beside the compiled kernels, whose folder is named after the sources: rates of other
sources are never found. Where nothing can be kept, nothing is measured: a new measurement in every
process could change the plan, and with it the last bits of a result, from run to run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import secrets
import threading
from contextlib import suppress
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from samplewise_backends.numba_cpu.compile.kernel_cache import cache_folder, keeps_kernels
from samplewise_backends.numba_cpu.planner.rates import Rates

FORMAT = 1
MAX_BYTES = 65_536
# A file with a number beyond these is damaged: no core has such rates.
SMALLEST, LARGEST = 1e-4, 1e6


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Rates and where they come from.

    Args:
        rates: of this core, or of the machine that the built-in ones were measured on.
        built_in: why they are built-in ones; empty where they were measured here.
    """

    rates: Rates
    built_in: str = ""


_lock = threading.Lock()


def calibration(dtype: str) -> Calibration:
    """Return the rates of this machine for "float32" or "float64": read, or measured and kept."""
    # Two threads that measure at once would measure one another.
    with _lock:
        return _found(dtype)


@cache
def _found(dtype: str) -> Calibration:
    fallback = built_in_rates(dtype)
    folder = cache_folder()
    if folder is None:
        return Calibration(fallback, "no folder to keep measured ones in")
    path = folder / f"rates-{dtype}.json"
    if path.exists() and not path.is_file():
        return Calibration(fallback, f"{path} is not a file, so none can be kept")
    found = read(path)
    if found is None:
        if not keeps_kernels():
            return Calibration(fallback, f"{folder} cannot be written")
        try:
            found = _measured(path, dtype)
        except (OSError, MemoryError) as error:
            return Calibration(fallback, f"measuring failed: {error}")
    return Calibration(found)


def _measured(path: Path, dtype: str) -> Rates:
    """Measure and keep; another process may have been faster, and then its rates are taken."""
    from samplewise_backends.numba_cpu.planner.measuring import measure

    rates = measure(np.dtype(dtype))
    found = read(path)
    if found is None:
        write(path, rates)
        found = rates
    return found


@cache
def built_in_rates(dtype: str) -> Rates:
    """Return the rates of an AMD EPYC core (Zen 4), for where none can be measured and kept."""
    text = resources.files(__package__).joinpath("built_in.json").read_text(encoding="utf-8")
    return Rates(**{name: _frozen(value) for name, value in json.loads(text)[dtype].items()})


def machine() -> dict[str, str]:
    """Return the parts of a machine that decide its rates, beside the sources and numba."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "scipy": version("scipy"),
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
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def read(path: Path) -> Rates | None:
    """Return the rates in a file, or None where they are damaged, or of another machine."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
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
