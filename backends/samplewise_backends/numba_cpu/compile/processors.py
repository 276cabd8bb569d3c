"""Processors: the sizes of their vectors by their names in LLVM, and how long instructions take."""

from __future__ import annotations

from typing import Any


def vector_bytes(name: str, features: str) -> int:
    """Return the size of a vector register of a processor, as LLVM names it."""
    if "+avx512f" in features or name in ("x86-64-v4", "znver4"):
        return 64
    if "+avx2" in features or name == "x86-64-v3":
        return 32
    return 16


def loop_bytes(name: str, features: str) -> int:
    """Return the size of the vectors that LLVM makes of a plain loop for a processor.

    It takes half of AVX-512's registers, but for AMD's processors: some of Intel's run slower then.
    """
    size = vector_bytes(name, features)
    return size if name.startswith("znver") else min(size, 32)


def cycles_of(instruction: Any) -> int:
    """Return about how many cycles pass from an instruction to one that takes its result."""
    if instruction.opname == "call" and "sqrt." in instruction.callee.name:
        return 22
    return {"fdiv": 14, "load": 8, "bitcast": 0, "getelementptr": 2, "sub": 2, "select": 2}.get(
        instruction.opname, 4
    )
