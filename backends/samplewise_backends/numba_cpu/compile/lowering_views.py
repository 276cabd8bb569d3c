"""The instructions that views, records and calls become in a kernel."""

from __future__ import annotations

import operator
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.typing.templates import AttributeTemplate
from numba.extending import models, register_model, typeof_impl

from samplewise_backends.numba_cpu.compile import views
from samplewise_backends.numba_cpu.compile.language import CODE, TYPES, lowers
from samplewise_backends.numba_cpu.compile.record import Record


class View(types.Type):
    """A contiguous vector or matrix that borrows its memory: an address, and one or two sizes.

    numba's own array has seven values, an owner, strides, and indices that count from the end.

    Args:
        dtype: of its numbers.
        ndim: 1 or 2.
    """

    def __init__(self, dtype: Any, ndim: int) -> None:
        self.dtype, self.ndim = dtype, ndim
        super().__init__(f"view({dtype}, {ndim})")


@register_model(View)
class _ViewModel(models.StructModel):
    def __init__(self, manager: Any, kind: View) -> None:
        members = [("data", types.CPointer(kind.dtype))]
        members += [(f"size{axis}", types.intp) for axis in range(kind.ndim)]
        super().__init__(manager, kind, members)


@TYPES.register_attr
class _ViewAttributes(AttributeTemplate):
    key = View

    def resolve_dtype(self, view: View) -> Any:
        return types.DType(view.dtype)

    def resolve_shape(self, view: View) -> Any:
        return types.UniTuple(types.intp, view.ndim)


@CODE.lower_getattr(View, "dtype")
def _dtype(context: Any, builder: Any, kind: View, view: Any) -> Any:
    return context.get_dummy_value()


@CODE.lower_getattr(View, "shape")
def _shape(context: Any, builder: Any, kind: View, view: Any) -> Any:
    return cgutils.pack_array(builder, sizes_of(builder, kind, view))


def sizes_of(builder: Any, kind: View, view: Any) -> list[Any]:
    """Return the sizes of a view, as LLVM's values."""
    return [builder.extract_value(view, 1 + axis) for axis in range(kind.ndim)]


def _view(context: Any, builder: Any, kind: View, pointer: Any, sizes: Any) -> Any:
    view = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for position, value in enumerate([pointer, *sizes]):
        view = builder.insert_value(view, value, position)
    return view


def _element(context: Any, builder: Any, kind: Any, values: Any) -> Any:
    """Return the address of an element; kind: of view and index."""
    view, indices = kind[0], [values[1]]
    if view.ndim == 2:
        indices = cgutils.unpack_tuple(builder, values[1], 2)
    sizes = sizes_of(builder, view, values[0])
    if context.enable_boundscheck:
        for axis, (index, size) in enumerate(zip(indices, sizes, strict=True)):
            cgutils.do_boundscheck(context, builder, index, size, axis)
    place = indices[0]
    for index, size in zip(indices[1:], sizes[1:], strict=True):
        place = builder.add(builder.mul(place, size), index)
    return builder.gep(builder.extract_value(values[0], 0), [place])


def _index_of(view: View) -> Any:
    return types.intp if view.ndim == 1 else types.UniTuple(types.intp, 2)


@lowers(operator.getitem)
def _getitem(typing: Any, container: Any, index: Any) -> Any:
    if isinstance(container, types.BaseTuple) and isinstance(index, types.IntegerLiteral):
        place = index.literal_value

        def member(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.extract_value(values[0], place)

        return container[place](container, index), member
    if isinstance(container, types.NestedArray):
        return container.dtype(container, types.intp), _repeated_record
    if not isinstance(container, View):
        return None

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(_element(context, builder, signature.args, values))

    return container.dtype(container, _index_of(container)), code


def _repeated_record(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    records = context.make_array(signature.args[0])(context, builder, values[0])
    return builder.gep(records.data, [values[1]])


@lowers(operator.setitem)
def _setitem(typing: Any, view: Any, index: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], _element(context, builder, signature.args, values))
        return context.get_dummy_value()

    return types.void(view, _index_of(view), view.dtype), code


@lowers(views.part)
def _part(typing: Any, view: Any, start: Any, length: Any) -> Any:
    kind = View(view.dtype, 1)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.gep(builder.extract_value(values[0], 0), [values[1]])
        return _view(context, builder, kind, pointer, [values[2]])

    return kind(view, types.intp, types.intp), code


@lowers(views.row)
def _row(typing: Any, matrix: Any, index: Any) -> Any:
    kind = View(matrix.dtype, 1)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        columns = builder.extract_value(values[0], 2)
        place = builder.mul(values[1], columns)
        pointer = builder.gep(builder.extract_value(values[0], 0), [place])
        return _view(context, builder, kind, pointer, [columns])

    return kind(matrix, types.intp), code


def _number_of(like: Any) -> Any:
    """Return the type of a number, or of a view's numbers."""
    return like.dtype if isinstance(like, View) else like


def _at_address(kind: View) -> Any:
    """Return the code of a view of `kind`, of an address and a shape of as many sizes."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        element = context.get_data_type(kind.dtype)
        pointer = builder.inttoptr(values[0], element.as_pointer())
        return _view(context, builder, kind, pointer, values[1 : 1 + kind.ndim])

    return code


@lowers(views.vector_at)
def _vector_at(typing: Any, address: Any, length: Any, like: Any) -> Any:
    kind = View(_number_of(like), 1)
    return kind(types.int64, types.intp, like), _at_address(kind)


@lowers(views.matrix_at)
def _matrix_at(typing: Any, address: Any, rows: Any, columns: Any, like: Any) -> Any:
    kind = View(_number_of(like), 2)
    return kind(types.int64, types.intp, types.intp, like), _at_address(kind)


@lowers(views.integers_at)
def _integers_at(typing: Any, address: Any, length: Any) -> Any:
    kind = View(types.int64, 1)
    return kind(types.int64, types.intp), _at_address(kind)


@lowers(views.address_of)
def _address_of(typing: Any, view: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.extract_value(values[0], 0)
        return builder.ptrtoint(pointer, context.get_value_type(types.int64))

    return types.int64(view), code


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
