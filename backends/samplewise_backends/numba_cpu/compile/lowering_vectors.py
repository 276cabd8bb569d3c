"""The instructions that a vector kernel becomes in a kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate
from numba.extending import typeof_impl

from samplewise_backends.numba_cpu.compile.inlining import bits, from_bits, select
from samplewise_backends.numba_cpu.compile.language import CODE, lowers
from samplewise_backends.numba_cpu.compile.lowering_formulas import Value
from samplewise_backends.numba_cpu.compile.lowering_loops import end_loop
from samplewise_backends.numba_cpu.compile.lowering_views import View, sizes_of
from samplewise_backends.numba_cpu.compile.processors import cycles_of, loop_bytes, vector_bytes
from samplewise_backends.numba_cpu.compile.vectors import (
    State,
    VectorKernel,
    Vectors,
    Work,
    is_wide,
    lanes_of,
)

_INDEX = ir.IntType(64)
# The bit of the register MXCSR that sets subnormal results to 0.
_FLUSH = 0x8000
# Of float64: the largest number; one that no inverse root of a normal number reaches; 1 in the
# place of the exponent.
_LARGEST, _LARGE, _ONE_POWER = float(np.finfo(np.float64).max), 1e200, 1 << 52


class _Array:
    """A contiguous array; its elements are numbers, counted flat."""

    def __init__(self, builder: ir.IRBuilder, data: ir.Value, shape: list[ir.Value]) -> None:
        self.builder, self.data = builder, data
        self.shape = [Value(builder, length) for length in shape]

    def place(self, index: Any) -> ir.Value:
        """Return the address of an element."""
        at = index.value if isinstance(index, Value) else _INDEX(index)
        return self.builder.gep(self.data, [at])

    def __getitem__(self, index: Any) -> Value:
        return Value(self.builder, self.builder.load(self.place(index)))

    def __setitem__(self, index: Any, number: Value) -> None:
        self.builder.store(number.value, self.place(index))


class _Record:
    """A record; its fields are attributes."""

    def __init__(self, context: Any, builder: ir.IRBuilder, kind: Any, pointer: ir.Value) -> None:
        self._context, self._builder, self._kind, self._pointer = context, builder, kind, pointer

    def __getattr__(self, name: str) -> Value:
        element = self._context.get_value_type(self._kind.typeof(name))
        offset = self._kind.offset(name)
        place = cgutils.get_record_member(self._builder, self._pointer, offset, element)
        return Value(self._builder, self._builder.load(place))


class _InKernel(Vectors):
    """Vectors of a target, whose instructions a builder writes."""

    def __init__(
        self, builder: ir.IRBuilder, number: ir.Type, lanes: int, lanes_of_loops: int
    ) -> None:
        self._builder, self._number = builder, number
        self._vector = ir.VectorType(number, lanes)
        self._bytes = 4 if isinstance(number, ir.FloatType) else 8
        size = lanes * self._bytes
        # In float32, the divider is as fast as the multiply-adds that would take its place.
        apart = size == 64 and self._bytes == 8
        super().__init__(
            lanes,
            lanes_of_loops=lanes_of_loops,
            wide=size == 64,
            flushes=size >= 32,
            roots_apart=apart,
        )

    def load(self, array: Any, start: Any, count: int | None = None) -> Value:
        vector = self._vector if count is None else ir.VectorType(self._number, count)
        place = self._builder.bitcast(array.place(start), vector.as_pointer())
        return Value(self._builder, self._builder.load(place, align=self._bytes))

    def store(self, array: Any, start: Any, vector: Any) -> None:
        place = self._builder.bitcast(array.place(start), self._vector.as_pointer())
        self._builder.store(vector.value, place, align=self._bytes)

    def prefetch(self, array: Any, start: Any) -> None:
        pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
        module = self._builder.module
        function = cgutils.get_or_insert_function(module, kind, "llvm.prefetch.p0i8")
        place = self._builder.bitcast(array.place(start), pointer)
        to_read, second, data = integer(0), integer(2), integer(1)
        self._builder.call(function, [place, to_read, second, data])

    def all(self, number: Any) -> Value:
        if not isinstance(number, Value):
            return Value(self._builder, ir.Constant(self._vector, [float(number)] * self.lanes))
        return number.in_every_lane(self._vector)

    def number(self, index: Any) -> Value:
        if not isinstance(index, Value):
            return Value(self._builder, ir.Constant(self._number, float(index)))
        return Value(self._builder, self._builder.sitofp(index.value, self._number))

    def root(self, x: Any) -> Value:
        return self._called("llvm.sqrt", x)

    def _called(self, name: str, *operands: Any) -> Value:
        """Return the result of an intrinsic of numbers or vectors of one type."""
        kind = operands[0].value.type
        count = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
        function = ir.FunctionType(kind, [kind] * len(operands))
        declared = cgutils.get_or_insert_function(
            self._builder.module, function, f"{name}.{count}f{8 * self._bytes}"
        )
        values = [each.value for each in operands]
        return Value(self._builder, self._builder.call(declared, values))

    def root_apart(self, x: Any) -> Value:
        if not self.roots_apart:
            return self.root(x)
        largest, half = self.all(_LARGEST), self.all(0.5)
        # In this order, NaN is chosen, and each is one instruction.
        finite = select(x > largest, largest, x)
        inverse = self._estimated_inverse_root(finite)
        # That of 0 is infinite.
        inverse = select(inverse > _LARGE, _LARGE, inverse)
        root, half_inverse = finite * inverse, from_bits(bits(inverse) - _ONE_POWER)
        # Each of Goldschmidt's steps doubles the 14 bits of both.
        for _ in range(2):
            missing = self._fused(-root, half_inverse, half)
            root = self._fused(root, missing, root)
            half_inverse = self._fused(half_inverse, missing, half_inverse)
        root = self._fused(self._fused(-root, root, finite), half_inverse, root)
        infinite = x - largest
        return select(infinite > root, infinite, root)

    def _fused(self, x: Value, y: Value, z: Value) -> Value:
        """Return x y + z, rounded once."""
        return self._called("llvm.fma", x, y, z)

    def _estimated_inverse_root(self, x: Value) -> Value:
        """Return 1 / sqrt(x) to 14 bits."""
        kind, mask = self._vector, ir.IntType(self.lanes)
        function = ir.FunctionType(kind, [kind, kind, mask])
        declared = cgutils.get_or_insert_function(
            self._builder.module, function, "llvm.x86.avx512.rsqrt14.pd.512"
        )
        operands = [x.value, ir.Constant(kind, ir.Undefined), mask(-1)]
        return Value(self._builder, self._builder.call(declared, operands))

    def overlapped(self, works: list[Work], apart: int, state: State) -> State:
        block = self._builder.block
        first, starts = len(block.instructions), []
        for number, work in enumerate(works):
            state = work(state)
            starts += [number * apart] * (len(block.instructions) - first - len(starts))
        written = block.instructions[first:]
        begun: dict[Any, int] = {}
        for instruction, start in zip(written, starts, strict=True):
            ready = [begun[of] + cycles_of(of) for of in instruction.operands if of in begun]
            begun[instruction] = max([start, *ready])
        block.instructions[first:] = sorted(written, key=begun.__getitem__)
        return state

    def first(self, x: Any) -> Value:
        return Value(self._builder, self._builder.extract_element(x.value, ir.IntType(32)(0)))

    def shuffle(self, x: Any, y: Any, chosen: list[int]) -> Value:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen)
        return Value(self._builder, self._builder.shuffle_vector(x.value, y.value, mask))

    def flushing(self, work: Callable[[], None]) -> None:
        if not self.flushes:
            work()
            return
        builder, word = self._builder, ir.IntType(32)
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer])
        read, write = (
            cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}")
            for name in ("stmxcsr", "ldmxcsr")
        )
        before, during = cgutils.alloca_once(builder, word), cgutils.alloca_once(builder, word)
        # Aligns what lies on the stack. A vector spilled across two lines of the cache made Adam's
        # steps take 1.3 times as long, and across two pages twice.
        before.align = 64
        old, new = (builder.bitcast(place, pointer) for place in (before, during))
        builder.call(read, [old])
        builder.store(builder.or_(builder.load(before), word(_FLUSH)), during)
        builder.call(write, [new])
        work()
        builder.call(write, [old])

    def repeat(
        self, count: Any, turn: Callable[[Any, State], State], state: State, first: Any = 0
    ) -> State:
        builder = self._builder
        end, start = (
            each.value if isinstance(each, Value) else _INDEX(each) for each in (count, first)
        )
        before = builder.block
        loop, after = builder.append_basic_block("turn"), builder.append_basic_block("repeated")
        builder.cbranch(builder.icmp_signed(">", end, start), loop, after)
        builder.position_at_end(loop)
        index, carried = builder.phi(_INDEX), [builder.phi(each.value.type) for each in state]
        found = turn(Value(builder, index), [Value(builder, each) for each in carried])
        following, turned = builder.add(index, _INDEX(1)), builder.block
        jump = builder.cbranch(builder.icmp_signed("<", following, end), loop, after)
        end_loop(jump, of_vectors=True)
        builder.position_at_end(after)
        last = [builder.phi(each.value.type) for each in state]
        index.add_incoming(start, before)
        index.add_incoming(following, turned)
        for phi, left, given, new in zip(carried, last, state, found, strict=True):
            for each in (phi, left):
                each.add_incoming(given.value, before)
                each.add_incoming(new.value, turned)
        return [Value(builder, each) for each in last]


@typeof_impl.register(VectorKernel)
def _typeof_kernel(kernel: VectorKernel, context: Any) -> Any:
    return _function_type(kernel)


@cache
def _function_type(kernel: VectorKernel) -> Any:
    """Return the type of a vector kernel, which numba knows how to write from then on."""

    def typed(_template: Any, kinds: Any, _named: Any) -> Any:
        return types.void(*map(_passed, kinds))

    def lowered(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = next(kind.dtype for kind in signature.args if isinstance(kind, View))
        lanes = _lanes(context, number), _lanes(context, number, of_loops=True)
        vectors = _InKernel(builder, context.get_value_type(number), *lanes)

        def argument(kind: Any, value: Any) -> Any:
            if isinstance(kind, View):
                sizes = sizes_of(builder, kind, value)
                return _Array(builder, builder.extract_value(value, 0), sizes)
            if isinstance(kind, types.Record):
                return _Record(context, builder, kind, value)
            return Value(builder, value)

        kernel.body(vectors, *map(argument, signature.args, values))
        return context.get_dummy_value()

    rule = {"key": kernel, "generic": typed}
    template = type(f"Vectors_{kernel.body.__name__}", (AbstractTemplate,), rule)
    CODE.lower(kernel, types.VarArg(types.Any))(lowered)
    return types.Function(template)


def _lanes(context: Any, number: Any, *, of_loops: bool = False) -> int:
    """Return the numbers in a vector, or in one of loops, of the processor compiled for."""
    codegen = context.codegen()
    target = codegen._get_host_cpu_name(), codegen._get_host_cpu_features()
    size = loop_bytes(*target) if of_loops else vector_bytes(*target)
    return size * 8 // int(number.bitwidth)


def _of_vectors(number_of: Callable[[int, int], int]) -> Any:
    """Return the definition of an integer that follows from a vector's lanes and their bits."""

    def definition(typing: Any, like: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            number = like.dtype if isinstance(like, View) else like
            return _INDEX(number_of(_lanes(context, number), int(number.bitwidth)))

        return types.intp(like), code

    return definition


lowers(lanes_of)(_of_vectors(lambda lanes, _bits: lanes))
lowers(is_wide)(_of_vectors(lambda lanes, bits: int(lanes * bits == 512)))


def _passed(kind: Any) -> Any:
    """Return the type that an argument is passed as."""
    kind = types.unliteral(kind)
    return types.intp if isinstance(kind, types.Integer) else kind
