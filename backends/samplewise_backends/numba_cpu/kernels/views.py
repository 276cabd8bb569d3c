"""Views that cost nothing.

A slice of numba's own counts a reference, with two atomic instructions, and clamps its bounds:
some 10 ns each, of which a step of a small network would take fifty. These views borrow: they
must not outlive the array, and bounds are the kernels' duty.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


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
