"""The instructions by which threads wait for one another in a kernel."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from samplewise_backends.numba_cpu.compile import meeting
from samplewise_backends.numba_cpu.compile.language import lowers

_COUNT = ir.IntType(64)


def _counter(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, _COUNT.as_pointer())


@lowers(meeting.arrive)
def _arrive(typing: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.atomic_rmw("add", _counter(builder, values[0]), _COUNT(1), "seq_cst")
        return context.get_dummy_value()

    return types.void(types.int64), code


@lowers(meeting.arrived)
def _arrived(typing: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load_atomic(_counter(builder, values[0]), "seq_cst", 8)

    return types.int64(types.int64), code


@lowers(meeting.give_way)
def _give_way(typing: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        function = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(values[0], function.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), code
