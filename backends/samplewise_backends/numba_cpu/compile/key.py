"""The parts that decide whether a compiled kernel still holds: sources, versions, processor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from samplewise.contract import dropout
from samplewise.network import activations
from samplewise_backends.numba_cpu.compile.settings import code_settings

_BACKEND = Path(__file__).parents[1]
# The engine's modules whose constants are compiled into kernels.
FROZEN = (dropout, activations)
# The features beyond those of every x86-64, as LLVM names them; sse4a is AMD's alone.
_V3 = "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe,popcnt,sse4.2"
_V4 = f"{_V3},avx512f,avx512bw,avx512cd,avx512dq,avx512vl"
_ZEN_4 = (
    f"{_V4},avx512bf16,avx512bitalg,avx512ifma,avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,"
    "gfni,vaes,vpclmulqdq,sse4a"
)
LEVELS = {"znver4": _ZEN_4, "x86-64-v4": _V4, "x86-64-v3": _V3}
"""Levels of a processor that kernels can be built for ahead, the best first.

At the level of AMD's, Zen 4 and 5, plain loops use whole registers of AVX-512: see `processors`.
"""


class Processor(NamedTuple):
    """The processor that code is made for, as LLVM names it.

    Args:
        name: of its family, or a level.
        features: signed and separated by commas; empty for those of the name.
    """

    name: str
    features: str


@cache
def _host() -> tuple[str, dict[str, bool]]:
    import llvmlite.binding as llvm

    return llvm.get_host_cpu_name(), dict(llvm.get_host_cpu_features())


def processor() -> Processor:
    """Return the processor of this machine, or the one that numba's settings name."""
    settings = code_settings()
    name, features = _host()
    flat = ",".join(f"{'+' if has else '-'}{key}" for key, has in sorted(features.items()))
    named = settings["CPU_NAME"], settings["CPU_FEATURES"]
    return Processor(
        name if named[0] == "None" else named[0], flat if named[1] == "None" else named[1]
    )


def levels() -> list[str]:
    """Return the levels of which this processor has every feature, the best first."""
    if processor().name != _host()[0]:
        return [name for name in LEVELS if processor() == Processor(name, "")]
    return [name for name, needed in LEVELS.items() if all(map(_host()[1].get, needed.split(",")))]


@cache
def versions() -> dict[str, str]:
    """Return the versions of the compilers."""
    return {name: _version(name) for name in ("numba", "llvmlite")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "that is not installed"


def settings_hash() -> str:
    """Return a hash of versions and settings, of which each has entries of its own."""
    content = json.dumps([versions(), code_settings()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def short_hash(*parts: Any) -> str:
    """Return a hash of parts for a file's name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


@cache
def backend_hash() -> str:
    """Return a hash of every source of the backend, and of the engine's constants in it."""
    return _hash_of(_modules_in(_BACKEND))


@cache
def kernels_hash() -> str:
    """Return a hash of the sources that compiled kernels follow from."""
    folders = _BACKEND / "kernels", _BACKEND / "compile"
    return _hash_of(path for folder in folders for path in _modules_in(folder))


def _modules_in(folder: Path) -> Iterator[Path]:
    """Return the files that modules are loaded from: sources, or bytecode without its source."""
    for path in folder.rglob("*.py*"):
        is_alone = path.suffix == ".pyc" and path.parent.name != "__pycache__"
        if path.suffix == ".py" or (is_alone and not path.with_suffix(".py").exists()):
            yield path


def _hash_of(sources: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for source in [*sorted(sources), *(Path(str(module.__file__)) for module in FROZEN)]:
        digest.update(source.read_bytes())
    return digest.hexdigest()


@cache
def source_of(path: str) -> str | None:
    """Return a hash of the sources of a kernel in a file; None where the file cannot be read."""
    if Path(path).is_relative_to(_BACKEND):
        return kernels_hash()
    try:
        own: Any = Path(path).read_bytes()
    except OSError:
        return None
    return hashlib.sha256(kernels_hash().encode() + own).hexdigest()
