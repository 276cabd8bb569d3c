"""Objects in memory: LLVM's linker puts them where they can be run. numba is not needed."""

from __future__ import annotations

import itertools
import sys
from functools import cache
from typing import Any

_numbers = itertools.count()
# LLVM forgets an object that nobody holds.
_linked: list[Any] = []
# Functions that LLVM may call although the code does not name them.
_IMPLIED = ("memset", "memcpy", "memmove")


@cache
def _linker() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(jit=True)
    # RTDyld maps code and constants one by one. Beside an array of 2 GiB they may lie farther from
    # each other than an instruction reaches, and it aborts the process. JITLink maps them together;
    # on Windows LLVM still takes the other one.
    return llvm.create_lljit_compiler(machine, use_jit_link=sys.platform != "win32")


def link(code: bytes, symbol: str, needs: list[str]) -> int:
    """Put an object into memory.

    Args:
        code: its bytes.
        symbol: the function that it offers.
        needs: names of functions that it takes from this process.

    Returns:
        The address of the function.

    Raises:
        RuntimeError: it is damaged, or the process lacks a function.
    """
    import llvmlite.binding as llvm

    library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol(symbol)
    linker = _linker()
    for name in {*needs, *_IMPLIED}:
        address = llvm.address_of_symbol(name)
        if address is not None:
            library.import_symbol(name, address)
        elif name in needs:
            raise RuntimeError(f"the process has no function {name}")
    # A library of its own: names of objects never meet.
    found = library.link(linker, f"{symbol}.{next(_numbers)}")
    _linked.append(found)
    return int(found[symbol])
