"""Objects of all routines, built ahead for a level of a processor: the wheel brings them.

python -m samplewise_backends.numba_cpu.build [--level LEVEL]... [--into FOLDER]

Without --level they are for the best level that this processor has.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from samplewise_backends.numba_cpu import kernels
from samplewise_backends.numba_cpu.compile import key, library, objects
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.compile.settings import are_defaults

DTYPES = ("float32", "float64")


def all_routines() -> list[Routine]:
    """Return every routine of the package, sorted by name."""
    found: dict[str, Routine] = {}
    for module in pkgutil.walk_packages(kernels.__path__, f"{kernels.__name__}."):
        values = vars(importlib.import_module(module.name)).values()
        found |= {value.name: value for value in values if isinstance(value, Routine)}
    return [found[name] for name in sorted(found)]


def build(routines: Sequence[Routine], level: str, folder: Path) -> list[Path]:
    """Write the objects of routines into a folder that exists, both dtypes of each.

    The process must compile for processors of this level, see `main`.

    Raises:
        RuntimeError: numba compiles here for another processor, or with settings of its own.
        OSError: the folder cannot be written.
    """
    if not are_defaults() or key.processor() != key.Processor(level, ""):
        raise RuntimeError(
            f"build: numba's settings must be its own defaults for {level}, got others; unset the "
            f"variables NUMBA_... and remove .numba_config.yaml"
        )
    return [_build_one(each, dtype, level, folder) for each in routines for dtype in DTYPES]


def _build_one(routine: Routine, dtype: str, level: str, folder: Path) -> Path:
    from samplewise_backends.numba_cpu.compile.compiler import compile_routine

    made = compile_routine(routine, dtype, library.symbol_of(routine, dtype))
    described = library.description(routine, dtype, key.kernels_hash())
    own = {"processor": [level, ""], "symbol": made.symbol, "needs": made.needs}
    path = folder / library.file_name(routine, dtype)
    objects.write(path, described | own, made.code)
    return path


def build_all(levels: Sequence[str], into: Path) -> None:
    """Replace what a folder holds by the objects of all routines, levels side by side.

    Each has a process of its own: numba takes the processor from the environment, once a process.

    Raises:
        subprocess.CalledProcessError: a level failed; the others are built.
    """
    into.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(levels)) as pool:
        for running in [pool.submit(_build_level, level, into) for level in levels]:
            running.result()


def _build_level(level: str, into: Path) -> None:
    shutil.rmtree(into / level, ignore_errors=True)
    named = {"NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", f"{__package__}.build", "--here", "--level", level]
    subprocess.run(  # noqa: S603
        [*command, "--into", str(into)], env={**os.environ, **named}, check=True
    )


def main(words: Sequence[str] | None = None) -> None:
    """Build as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m samplewise_backends.numba_cpu.build")
    parser.add_argument("--level", action="append", choices=list(key.LEVELS))
    parser.add_argument("--into", type=Path, default=library.PREBUILT, metavar="FOLDER")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    levels = list(dict.fromkeys(given.level or key.levels()[:1]))
    if not levels:
        parser.error(f"this processor has none of {', '.join(key.LEVELS)}; name one by --level")
    if not given.here:
        build_all(levels, given.into)
        return
    for level in levels:
        folder = library.built_ahead(given.into, level, key.kernels_hash())
        folder.mkdir(parents=True)
        made = build(all_routines(), level, folder)
        size = sum(path.stat().st_size for path in made)
        print(f"{len(made)} kernels for {level}, {size / 1e6:.2f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
