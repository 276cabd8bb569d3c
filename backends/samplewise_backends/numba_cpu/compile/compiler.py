"""From a routine to an object file: numba types and lowers it, LLVM writes machine code.

One C function is left in an object, whose name says which; all else in it is internal, so that
objects of any two processes go together. The functions that kernels call are compiled as LLVM's
intermediate code only: nobody calls them, so they need no machine code of their own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.core import codegen, compiler, dispatcher
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import typeof_impl

from samplewise_backends.numba_cpu.compile import (  # noqa: F401 - kernels name what they lower
    lowering_blas,
    lowering_formulas,
    lowering_vectors,
    lowering_views,
)
from samplewise_backends.numba_cpu.compile.jit import Kernel, Routine


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


class _Codegen(codegen.AOTCPUCodegen):
    """Code for the processor that numba's settings name, which may lie anywhere in memory."""

    def _customize_tm_options(self, options: dict[str, Any]) -> None:
        super()._customize_tm_options(options)
        options["cpu"] = self._get_host_cpu_name()

    def _customize_tm_features(self) -> str:
        return str(self._get_host_cpu_features())


class _Target:
    """numba's target for this processor, with code of our own."""

    options = cpu_target.options
    typing_context = cpu_target.typing_context
    target_context = cpu_target.target_context.subtarget(
        _internal_codegen=_Codegen("samplewise"), aot_mode=True
    )


class _FunctionCompiler(dispatcher._FunctionCompiler):
    """Compiles a function to intermediate code, for others to call."""

    def _customize_flags(self, flags: Any) -> Any:
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        return flags

    def compile(self, args: Any, return_type: Any) -> Any:
        """Return the compiled function, and make it known to those that call it."""
        result = super().compile(args, return_type)._replace(entry_point=object())
        context = _Target.target_context
        context.insert_user_function(result.entry_point, result.fndesc, [result.library])
        return result


class _Dispatcher(dispatcher.Dispatcher):
    """A kernel as numba sees it: a function compiled for each set of types."""

    targetdescr = _Target

    def __init__(self, kernel: Kernel) -> None:
        # Kernels own no memory, so nothing counts references.
        options = {**kernel.targetoptions, "nopython": True, "_nrt": False}
        super().__init__(kernel.py_func, {}, options)
        self._compiler = _FunctionCompiler(kernel.py_func, _Target, options, {}, compiler.Compiler)

    def add_overload(self, cres: Any) -> None:
        """Keep a compiled function, which Python cannot call."""
        self.overloads[tuple(cres.signature.args)] = cres


_dispatchers: dict[Kernel, _Dispatcher] = {}


@typeof_impl.register(Kernel)
def _typeof_kernel(kernel: Kernel, context: Any) -> Any:
    if kernel not in _dispatchers:
        _dispatchers[kernel] = _Dispatcher(kernel)
    return types.Dispatcher(_dispatchers[kernel])


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
    result = _Dispatcher(routine)._compiler.compile((record,), types.void)
    library = result.library
    _add_entry(library, result.fndesc, symbol)
    library._ensure_finalized()
    module = _only(symbol, library._final_module, library._codegen._tm)
    code = library._codegen._tm.emit_object(module)
    declared = (value.name for value in module.functions if value.is_declaration)
    needs = sorted(name for name in declared if not name.startswith("llvm."))
    return Compiled(code, symbol, needs)


def _add_entry(library: Any, described: Any, symbol: str) -> None:
    """Add a C function that calls a compiled one, and returns 0 unless that raised an exception."""
    context = _Target.target_context
    module = library.create_ir_module(symbol)
    inner = context.declare_function(module, described)
    # numba's functions take first where to write result and exception, and return a status.
    written, arguments = inner.args[:2], inner.args[2:]
    status = inner.function_type.return_type
    kind = ir.FunctionType(status, [argument.type for argument in arguments])
    function = ir.Function(module, kind, symbol)
    builder = ir.IRBuilder(function.append_basic_block())
    slots = [builder.alloca(argument.type.pointee) for argument in written]
    builder.ret(builder.call(inner, [*slots, *function.args]))
    library.add_ir_module(module)


def _only(symbol: str, module: Any, machine: Any) -> Any:
    """Hide every name of a module but one, and remove the functions that nobody calls then."""
    for value in [*module.functions, *module.global_variables]:
        if not value.is_declaration and value.name != symbol:
            value.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    options = llvm.create_pipeline_tuning_options(speed_level=0)
    passes.run(module, llvm.create_pass_builder(machine, options))
    return module
