"""The instructions that views, records and calls become in a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.typing.templates import infer, infer_global, make_intrinsic_template
from numba.extending import models, register_model, typeof_impl

from samplewise_backends.numba_cpu.compile import views
from samplewise_backends.numba_cpu.compile.record import Record


def lowers(function: Any) -> Callable[[Any], Any]:
    """Let a definition, as numba's `intrinsic` takes it, stand for a Python function in kernels."""

    def register(definition: Any) -> Any:
        template = make_intrinsic_template(function, definition, function.__name__)
        infer(template)
        infer_global(function, types.Function(template))
        return definition

    return register


def _array(context: Any, builder: Any, kind: Any, pointer: Any, shape: Any) -> Any:
    """Build a contiguous array without an owner, of one or two dimensions."""
    view = context.make_array(kind)(context, builder)
    element = context.get_data_type(kind.dtype)
    size = context.get_constant(types.intp, context.get_abi_sizeof(element))
    strides = [size] if len(shape) == 1 else [builder.mul(size, shape[1]), size]
    context.populate_array(
        view, data=pointer, shape=shape, strides=strides, itemsize=size, meminfo=None
    )
    return view._getvalue()


@lowers(views.part)
def _part(typing: Any, array: Any, start: Any, length: Any) -> Any:
    kind = types.Array(array.dtype, 1, "C", readonly=not array.mutable)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        owner = context.make_array(signature.args[0])(context, builder, values[0])
        pointer = builder.gep(owner.data, [values[1]])
        return _array(context, builder, kind, pointer, [values[2]])

    return kind(array, types.intp, types.intp), code


@lowers(views.row)
def _row(typing: Any, matrix: Any, index: Any) -> Any:
    kind = types.Array(matrix.dtype, 1, "C", readonly=not matrix.mutable)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        owner = context.make_array(signature.args[0])(context, builder, values[0])
        _, columns = cgutils.unpack_tuple(builder, owner.shape, 2)
        pointer = builder.gep(owner.data, [builder.mul(values[1], columns)])
        return _array(context, builder, kind, pointer, [columns])

    return kind(matrix, types.intp), code


def _number_of(like: Any) -> Any:
    """Return the type of a number, or of an array's numbers."""
    return like.dtype if isinstance(like, types.Array) else like


def _at_address(kind: Any) -> Any:
    """Return the code of a view of `kind`, of an address and a shape of as many sizes."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        element = context.get_data_type(kind.dtype)
        pointer = builder.inttoptr(values[0], element.as_pointer())
        return _array(context, builder, kind, pointer, values[1 : 1 + kind.ndim])

    return code


@lowers(views.vector_at)
def _vector_at(typing: Any, address: Any, length: Any, like: Any) -> Any:
    kind = types.Array(_number_of(like), 1, "C")
    return kind(types.int64, types.intp, like), _at_address(kind)


@lowers(views.matrix_at)
def _matrix_at(typing: Any, address: Any, rows: Any, columns: Any, like: Any) -> Any:
    kind = types.Array(_number_of(like), 2, "C")
    return kind(types.int64, types.intp, types.intp, like), _at_address(kind)


@lowers(views.integers_at)
def _integers_at(typing: Any, address: Any, length: Any) -> Any:
    kind = types.Array(types.int64, 1, "C")
    return kind(types.int64, types.intp), _at_address(kind)


@lowers(views.address_of)
def _address_of(typing: Any, array: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.ptrtoint(view.data, context.get_value_type(types.int64))

    return types.int64(array), code


class _RecordKind(types.Dummy):
    """The type of a `Record` that a kernel names."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"record {record.name} {id(record)}")
        self.record = record


register_model(_RecordKind)(models.OpaqueModel)


@typeof_impl.register(Record)
def _typeof_record(record: Record, context: Any) -> _RecordKind:
    return _RecordKind(record)


@lowers(views.record_at)
def _record_at(typing: Any, address: Any, index: Any, record: Any, like: Any) -> Any:
    if not isinstance(record, _RecordKind):
        return None
    kind = numba.from_dtype(record.record.of(_number_of(like).name))

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], context.get_value_type(kind))
        return builder.gep(pointer, [values[1]])

    return kind(types.int64, types.intp, record, like), code


@lowers(views.real)
def _real(typing: Any, bits: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], context.get_value_type(types.float64))

    return types.float64(types.int64), code


@lowers(views.call)
def _call(typing: Any, address: Any, record: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        function = ir.FunctionType(ir.IntType(32), [values[1].type])
        pointer = builder.inttoptr(values[0], function.as_pointer())
        status = builder.call(pointer, [values[1]])
        if config.BOUNDSCHECK:
            with builder.if_then(cgutils.is_not_null(builder, status), likely=False):
                context.call_conv.return_user_exc(builder, IndexError, ("index out of bounds",))
        return context.get_dummy_value()

    return types.void(address, record), code
