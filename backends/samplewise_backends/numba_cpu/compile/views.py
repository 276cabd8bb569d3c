"""Views that cost nothing.

A slice of numba's own counts a reference, with two atomic instructions, and clamps its bounds:
some 10 ns each, of which a step of a small network would take fifty. These views borrow: they
must not outlive the array, and bounds are the kernels' duty.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model, typeof_impl

from samplewise_backends.numba_cpu.compile.record import Record


def _borrowed(context: Any, builder: Any, kind: Any, pointer: Any, length: Any) -> Any:
    """Build a one-dimensional contiguous array without an owner."""
    view = context.make_array(kind)(context, builder)
    size = context.get_constant(
        types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
    )
    context.populate_array(
        view, data=pointer, shape=[length], strides=[size], itemsize=size, meminfo=None
    )
    return view._getvalue()


@intrinsic
def part(typing: Any, array: Any, start: Any, length: Any) -> Any:
    """Return `length` elements of a contiguous array from element `start` on, as a vector."""
    kind = types.Array(array.dtype, 1, "C", readonly=not array.mutable)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        owner = context.make_array(signature.args[0])(context, builder, values[0])
        pointer = builder.gep(owner.data, [values[1]])
        return _borrowed(context, builder, signature.return_type, pointer, values[2])

    return kind(array, types.intp, types.intp), code


@intrinsic
def row(typing: Any, matrix: Any, index: Any) -> Any:
    """Return row `index` of a C-contiguous matrix, as a vector."""
    kind = types.Array(matrix.dtype, 1, "C", readonly=not matrix.mutable)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        owner = context.make_array(signature.args[0])(context, builder, values[0])
        _, columns = cgutils.unpack_tuple(builder, owner.shape, 2)
        pointer = builder.gep(owner.data, [builder.mul(values[1], columns)])
        return _borrowed(context, builder, signature.return_type, pointer, columns)

    return kind(matrix, types.intp), code


@intrinsic
def at(typing: Any, address: Any, start: Any, length: Any) -> Any:
    """Return `length` elements at an address, from element `start` on, as a vector."""
    kind = types.Array(address.dtype, 1, "C")

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.gep(values[0], [values[1]])
        return _borrowed(context, builder, kind, pointer, values[2])

    return kind(address, types.intp, types.intp), code


@intrinsic
def rows_at(typing: Any, address: Any, rows: Any, columns: Any) -> Any:
    """Return the C-contiguous matrix at an address."""
    kind = types.Array(address.dtype, 2, "C")

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        view = context.make_array(kind)(context, builder)
        size = context.get_constant(
            types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
        )
        context.populate_array(
            view,
            data=values[0],
            shape=[values[1], values[2]],
            strides=[builder.mul(size, values[2]), size],
            itemsize=size,
            meminfo=None,
        )
        return view._getvalue()

    return kind(address, types.intp, types.intp), code


def _at_address(context: Any, builder: Any, kind: Any, address: Any, shape: Any) -> Any:
    """Build a contiguous array without an owner, of one or two dimensions."""
    view = context.make_array(kind)(context, builder)
    element = context.get_data_type(kind.dtype)
    size = context.get_constant(types.intp, context.get_abi_sizeof(element))
    strides = [size] if len(shape) == 1 else [builder.mul(size, shape[1]), size]
    pointer = builder.inttoptr(address, element.as_pointer())
    context.populate_array(
        view, data=pointer, shape=shape, strides=strides, itemsize=size, meminfo=None
    )
    return view._getvalue()


def _number_of(like: Any) -> Any:
    """Return the type of a number, or of an array's numbers."""
    return like.dtype if isinstance(like, types.Array) else like


@intrinsic
def vector_at(typing: Any, address: Any, length: Any, like: Any) -> Any:
    """Return the `length` numbers at an address; `like` is any number or array of their dtype."""
    kind = types.Array(_number_of(like), 1, "C")

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _at_address(context, builder, kind, values[0], [values[1]])

    return kind(types.int64, types.intp, like), code


@intrinsic
def matrix_at(typing: Any, address: Any, rows: Any, columns: Any, like: Any) -> Any:
    """Return the C-contiguous matrix of numbers at an address; `like` as in `vector_at`."""
    kind = types.Array(_number_of(like), 2, "C")

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _at_address(context, builder, kind, values[0], [values[1], values[2]])

    return kind(types.int64, types.intp, types.intp, like), code


@intrinsic
def integers_at(typing: Any, address: Any, length: Any) -> Any:
    """Return the `length` int64 at an address."""
    kind = types.Array(types.int64, 1, "C")

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _at_address(context, builder, kind, values[0], [values[1]])

    return kind(types.int64, types.intp), code


@intrinsic
def address_of(typing: Any, array: Any) -> Any:
    """Return the address of the first element of an array."""

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


@intrinsic
def record_at(typing: Any, address: Any, index: Any, record: Any, like: Any) -> Any:
    """Return record `index` of those at an address, in place; `like` as in `vector_at`."""
    if not isinstance(record, _RecordKind):
        return None
    kind = numba.from_dtype(record.record.of(_number_of(like).name))

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[0], context.get_value_type(kind))
        return builder.gep(pointer, [values[1]])

    return kind(types.int64, types.intp, record, like), code


@intrinsic
def real(typing: Any, bits: Any) -> Any:
    """Return the float64 of these 64 bits."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], context.get_value_type(types.float64))

    return types.float64(types.int64), code


@intrinsic
def call(typing: Any, address: Any, *arguments: Any) -> Any:
    """Call a `Routine` by its address; of an array it gets the first element's."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        passed = []
        unpacked = cgutils.unpack_tuple(builder, values[1])
        for kind, value in zip(signature.args[1], unpacked, strict=True):
            if isinstance(kind, types.Array):
                make = context.make_array(kind)
                value = make(context, builder, value).data
            passed.append(value)
        function = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
        builder.call(builder.inttoptr(values[0], function.as_pointer()), passed)
        return context.get_dummy_value()

    return types.void(address, types.StarArgTuple(arguments)), code
