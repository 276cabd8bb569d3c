"""How kernels call one another: by values, with a status that says whether an index was in bounds.

numba's convention writes the result to an address and describes the exception of a failed call at
another one, in some thirty instructions and three branches a call. LLVM's passes would remove them
again, in each kernel that the callee is compiled into.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import callconv

STATUS = ir.IntType(32)
"""0 is success."""
_OUT_OF_BOUNDS = STATUS(1)


class Convention(callconv.BaseCallConv):
    """A function returns its status and its result; without a result, its status alone, as C's."""

    def _make_call_helper(self, builder: ir.IRBuilder) -> None:
        """Return nothing: no exceptions are numbered."""

    def get_function_type(self, result: Any, arguments: Any) -> ir.FunctionType:
        """Return the type of a function, given its own types in numba."""
        passed = list(self._get_arg_packer(arguments).argument_types)
        if result == types.void:
            return ir.FunctionType(STATUS, passed)
        returned = self.context.data_model_manager[result].get_return_type()
        return ir.FunctionType(ir.LiteralStructType([STATUS, returned]), passed)

    def decorate_function(
        self, function: ir.Function, names: Any, kinds: Any, noalias: bool = False
    ) -> None:
        """Name the arguments."""
        self._get_arg_packer(kinds).assign_names(function.args, [f"arg.{name}" for name in names])

    def get_arguments(self, function: ir.Function) -> Any:
        """Return the values of the arguments."""
        return function.args

    def return_value(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        """Return a result."""
        returned = _with_status(builder, STATUS(0))
        if returned.type != STATUS:
            returned = builder.insert_value(returned, value, 1)
        builder.ret(returned)

    def return_user_exc(self, builder: ir.IRBuilder, *_exception: Any, **_place: Any) -> None:
        """Return where an index was out of bounds; kernels raise nothing else."""
        self.return_status_propagate(builder, _OUT_OF_BOUNDS)

    def return_status_propagate(self, builder: ir.IRBuilder, status: ir.Value) -> None:
        """Return the status of a call that failed."""
        builder.ret(_with_status(builder, status))

    def call_function(
        self, builder: ir.IRBuilder, function: Any, result: Any, kinds: Any, values: Any
    ) -> tuple[ir.Value, Any]:
        """Call a function; return its status and its result."""
        packed = self._get_arg_packer(kinds).as_arguments(builder, values)
        returned = builder.call(function, list(packed))
        if result == types.void:
            return returned, self.context.get_dummy_value()
        value = builder.extract_value(returned, 1)
        status = builder.extract_value(returned, 0)
        return status, self.context.get_returned_value(builder, result, value)


def _with_status(builder: ir.IRBuilder, status: ir.Value) -> ir.Value:
    """Return a status as the builder's function does: alone, or beside an undefined result."""
    kind = builder.function.function_type.return_type
    if kind == STATUS:
        return status
    return builder.insert_value(ir.Constant(kind, ir.Undefined), status, 0)
