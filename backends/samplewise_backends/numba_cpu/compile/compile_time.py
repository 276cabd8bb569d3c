"""How long compiling takes: as long as it took a process on this machine before."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from samplewise_backends.numba_cpu.compile import kernel_cache, whole_file

# Processor time on a virtual x86-64-v3 machine that other work shared: 9 s for a training of dense
# layers by SGD, 14 s for one of convolutions by Adam. Where it was alone, all kernels together took
# two thirds.
USUAL = "5 to 15 s"
_FILE = "compile_seconds"

_spent: list[float] = []


def add(seconds: float) -> None:
    """Add the processor time of a compile; keep the longest of any process here."""
    _spent.append(seconds)
    path, total = _path(), sum(_spent)
    if path is not None and total > max(_kept(path), 1.0):
        # Where nothing can be written, kernels are not kept either, of which somebody warns.
        with suppress(OSError):
            whole_file.write(path, f"{total:.1f}\n".encode())


def in_words() -> str:
    """Return about how long the kernels of a training take to compile."""
    path = _path()
    seconds = 0.0 if path is None else _kept(path)
    return f"up to {seconds:.0f} s" if seconds else USUAL


def _path() -> Path | None:
    folder = kernel_cache.cache_folder()
    return None if folder is None else folder.parents[1] / _FILE


def _kept(path: Path) -> float:
    """Return the seconds that are kept, 0 where none are or the file is damaged."""
    try:
        found = float(whole_file.read(path, 20))
    except (OSError, ValueError):
        return 0.0
    return found if 1.0 <= found <= 3600.0 else 0.0
