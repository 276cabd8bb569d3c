"""From a routine to an object file: numba types and lowers it, LLVM writes machine code.

One C function is left in an object, whose name says which; all else in it is internal, so that
objects of any two processes go together. Every kernel is compiled once for the types of its
arguments, to LLVM's code; LLVM's passes see it as a part of each routine that calls it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numba
from numba import types
from numba.core import bytecode, compiler, funcdesc, interpreter, typed_passes, typing
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.targetconfig import ConfigStack
from numba.extending import models, register_model, typeof_impl

from samplewise_backends.numba_cpu.compile import (  # noqa: F401 - kernels name what they lower
    lowering_blas,
    lowering_formulas,
    lowering_loops,
    lowering_meeting,
    lowering_vectors,
    lowering_views,
)
from samplewise_backends.numba_cpu.compile.jit import Kernel, Routine
from samplewise_backends.numba_cpu.compile.lowering import Lower
from samplewise_backends.numba_cpu.compile.target import TARGET


class Compiled(NamedTuple):
    """An object file.

    Args:
        code: its bytes.
        symbol: the name of the one function that it offers.
        needs: names of functions that it takes from the process, of C's library.
    """

    code: bytes
    symbol: str
    needs: list[str]


class _Lowered(NamedTuple):
    """A kernel as LLVM's code, for the types of its arguments.

    Args:
        signature: these and the type of its result.
        described: numba's description of the function.
        library: the code.
    """

    signature: Any
    described: Any
    library: Any


class _KernelType(types.Callable, types.Dummy):
    """The type of a kernel that another one calls: it is lowered for each set of types."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(f"kernel {kernel.py_func.__qualname__} {id(kernel)}")
        self._kernel = kernel
        self._lowered: dict[Any, _Lowered] = {}

    def get_call_type(self, context: Any, arguments: Any, keywords: Any) -> Any:
        """Return the signature of a call with arguments of these types."""
        return self._of(tuple(map(types.unliteral, arguments))).signature

    def get_call_signatures(self) -> Any:
        """Return no signature: any may do."""
        return [], True

    def get_impl_key(self, signature: Any) -> Any:
        """Return the key of the code of a signature."""
        return self._of(signature.args).library

    def _of(self, arguments: Any) -> _Lowered:
        found = self._lowered.get(arguments)
        if found is None:
            found = self._lowered[arguments] = _lower(self._kernel, arguments, None)
            TARGET.insert_kernel(found)
        return found


register_model(_KernelType)(models.OpaqueModel)
_kinds: dict[Kernel, _KernelType] = {}


@typeof_impl.register(Kernel)
def _typeof_kernel(kernel: Kernel, context: Any) -> Any:
    if kernel not in _kinds:
        _kinds[kernel] = _KernelType(kernel)
    return _kinds[kernel]


def _lower(kernel: Kernel, arguments: Any, result: Any) -> _Lowered:
    """Type and lower a kernel: numba's pipeline, without passes that kernels never need."""
    options = {**kernel.targetoptions, "nopython": True, "_nrt": False}
    flags = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, options)
    identity = bytecode.FunctionIdentity.from_function(kernel.py_func)
    code = interpreter.Interpreter(identity).interpret(bytecode.ByteCode(identity))
    code.generator_info = None
    with ConfigStack().enter(flags):
        target = compiler._make_subtarget(TARGET, flags)
        kinds, result, calls, _ = typed_passes.type_inference_stage(
            target.typing_context, target, code, arguments, result, {}, raise_errors=True
        )
        described = funcdesc.PythonFunctionDescriptor.from_specialized_function(
            code,
            kinds,
            result,
            calls,
            mangler=target.mangler,
            inline=flags.forceinline,
            noalias=False,
            abi_tags=[],
        )
        library = target.codegen().create_library(described.qualname)
        with target.push_code_library(library):
            Lower(target, library, described, code).lower()
    return _Lowered(typing.signature(result, *arguments), described, library)


@global_compiler_lock
def compile_routine(routine: Routine, dtype: str, symbol: str) -> Compiled:
    """Compile the routine of a dtype.

    Args:
        routine: to compile.
        dtype: of its numbers, "float32" or "float64".
        symbol: the name of the function in the object.

    Raises:
        RuntimeError: the code needs functions that no process offers.
    """
    record = numba.from_dtype(routine.record.of(dtype))
    with _no_collections():
        lowered = _lower(routine, (record,), types.void)
    module = lowered.library.whole()
    # C can call it as it is. One more function around it would be made faster all over again.
    module.get_function(lowered.described.mangled_name).name = symbol
    for value in [*module.functions, *module.global_variables]:
        if not value.is_declaration and value.name != symbol:
            value.linkage = "internal"
    code = TARGET.codegen().machine_code(module)
    declared = (value.name for value in module.functions if value.is_declaration)
    needs = sorted(name for name in declared if not name.startswith("llvm."))
    return Compiled(code, symbol, needs)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for cycles of objects: a tenth of the time, as most stay alive."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
