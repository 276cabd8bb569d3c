"""The instructions that a matrix product of BLAS becomes in a kernel."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from samplewise_backends.numba_cpu.compile import blas
from samplewise_backends.numba_cpu.compile.language import lowers


@lowers(blas.gemm)
def _gemm(
    typing: Any,
    address: Any,
    trans_a: Any,
    trans_b: Any,
    m: Any,
    n: Any,
    k: Any,
    alpha: Any,
    a: Any,
    lda: Any,
    b: Any,
    ldb: Any,
    beta: Any,
    c: Any,
    ldc: Any,
) -> Any:
    arguments = (address, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    return types.void(*arguments), _code


def _code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    pointer = ir.IntType(8).as_pointer()
    number = context.get_value_type(signature.args[6])

    def by_reference(value: Any, kind: Any) -> Any:
        slot = cgutils.alloca_once(builder, kind)
        builder.store(value, slot)
        return builder.bitcast(slot, pointer)

    def integer(value: Any, bits: int) -> Any:
        kind = ir.IntType(bits)
        return by_reference(builder.trunc(value, kind), kind)

    def data(position: int) -> Any:
        return builder.bitcast(builder.extract_value(values[position], 0), pointer)

    passed = [integer(values[i], 8) for i in (1, 2)]
    passed += [integer(values[i], 32) for i in (3, 4, 5)]
    passed += [by_reference(values[6], number), data(7), integer(values[8], 32), data(9)]
    passed += [integer(values[10], 32), by_reference(values[11], number), data(12)]
    passed.append(integer(values[13], 32))
    function = ir.FunctionType(ir.VoidType(), [pointer] * len(passed))
    builder.call(builder.inttoptr(values[0], function.as_pointer()), passed)
    return context.get_dummy_value()
