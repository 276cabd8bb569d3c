"""Each private part of numba and llvmlite that numba_cpu uses still does what numba_cpu needs.

The 0 in this file's name puts it before all other tests, so a new numba that breaks something is
reported here first, by the name of the part. Nothing here imports the backend.
`test_numba_parts.py` holds that no part is left out.
"""

import ctypes
import operator
from contextlib import contextmanager
from functools import cached_property

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
import scipy.linalg.cython_blas  # noqa: F401 - loads the functions whose addresses are asked for
from llvmlite import ir
from numba import types
from numba.core import (
    bytecode,
    callconv,
    ccallback,
    cgutils,
    codegen,
    compiler,
    config,
    cpu,
    fastmathpass,
    funcdesc,
    imputils,
    interpreter,
    lowering,
    typed_passes,
    typing,
)
from numba.core import ir as numba_ir
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.targetconfig import ConfigStack
from numba.core.typing import enumdecl, mathdecl
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    CallableTemplate,
    Registry,
    RegistryLoader,
)
from numba.cpython import (
    builtins,
    enumimpl,
    mathimpl,
    numbers,
    tupleobj,
)
from numba.extending import (
    get_cython_function_address,
    intrinsic,
    lower_builtin,
    models,
    register_model,
    type_callable,
    typeof_impl,
)
from numba.np import arrayobj

OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


@contextmanager
def part(name):
    """Name the part of numba in the failure of a test."""
    try:
        yield
    except Exception as error:
        raise AssertionError(
            f"{name} of numba {numba.__version__} does not do what numba_cpu needs: "
            f"{type(error).__name__}: {error}; CONTRIBUTING.md says what to do"
        ) from error


@part("llvmlite.__version__")
def test_the_version_of_llvmlite():
    assert llvmlite.__version__[0].isdigit()


@part("numba.config.DISABLE_JIT")
def test_config_disable_jit():
    assert not numba.config.DISABLE_JIT


def store_sum(address, x, y):
    numba.carray(address, 1)[0] = x + y


def machine_text(function, **options):
    """Return the LLVM text of a function of one float64."""
    compiled = numba.njit(**{**OPTIONS, **options})(function)
    compiled.compile((types.float64,))
    return compiled.inspect_llvm(compiled.signatures[0])


def squared_plus_one(x):
    return x * x + 1.0


@pytest.fixture(scope="module")
def plain_text():
    return machine_text(squared_plus_one)


@part("fastmath as a set of flags")
def test_option_fastmath(plain_text):
    assert "fmul contract" in plain_text
    assert "fadd contract" in plain_text
    assert "nnan" not in plain_text


@part("the option forceinline")
def test_option_forceinline(plain_text):
    assert "alwaysinline" not in plain_text
    assert "alwaysinline" in machine_text(squared_plus_one, forceinline=True)


@intrinsic
def row_of(typing, matrix, index):
    kind = types.Array(matrix.dtype, 1, "C", readonly=not matrix.mutable)

    def code(context, builder, signature, values):
        owner = context.make_array(signature.args[0])(context, builder, values[0])
        _, columns = cgutils.unpack_tuple(builder, owner.shape, 2)
        pointer = builder.gep(owner.data, [builder.mul(values[1], columns)])
        view = context.make_array(kind)(context, builder)
        size = context.get_constant(
            types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype))
        )
        context.populate_array(
            view, data=pointer, shape=[columns], strides=[size], itemsize=size, meminfo=None
        )
        return view._getvalue()

    return kind(matrix, types.intp), code


@part("intrinsic with make_array, populate_array and _getvalue: an array that borrows its memory")
def test_borrowed_arrays():
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    matrix.flags.writeable = False
    assert numba.typeof(matrix) == types.Array(types.float32, 2, "C", readonly=True)
    taken = numba.njit(lambda matrix: row_of(matrix, 1).sum())(matrix)
    assert taken == 12.0


@intrinsic
def called(typing, address, *arguments):
    def code(context, builder, signature, values):
        passed = []
        given = cgutils.unpack_tuple(builder, values[1])
        for kind, value in zip(signature.args[1], given, strict=True):
            if isinstance(kind, types.Array):
                value = context.make_array(kind)(context, builder, value).data
            passed.append(value)
        function = ir.FunctionType(ir.VoidType(), [value.type for value in passed])
        builder.call(builder.inttoptr(values[0], function.as_pointer()), passed)
        return context.get_dummy_value()

    return types.void(address, types.StarArgTuple(arguments)), code


@part("types.StarArgTuple, builder.inttoptr and builder.call: a kernel called by its address")
def test_a_call_by_address():
    signature = (types.CPointer(types.float64), types.float64, types.float64), types.void
    callback = ccallback.CFunc(store_sum, signature, {}, OPTIONS)
    callback.compile()
    out = np.zeros(1)
    numba.njit(lambda address, out: called(address, out, 1.5, 2.0))(callback.address, out)
    assert out[0] == 3.5


@intrinsic
def euclidean_length(typing, address, n, x):
    """Call BLAS's dnrm2, whose arguments are addresses."""

    def code(context, builder, signature, values):
        pointer = ir.IntType(8).as_pointer()

        def by_reference(value, kind):
            slot = cgutils.alloca_once(builder, kind)
            builder.store(value, slot)
            return builder.bitcast(slot, pointer)

        count = by_reference(builder.trunc(values[1], ir.IntType(32)), ir.IntType(32))
        one = by_reference(ir.Constant(ir.IntType(32), 1), ir.IntType(32))
        data = context.make_array(signature.args[2])(context, builder, values[2]).data
        number = context.get_value_type(types.float64)
        function = ir.FunctionType(number, [pointer] * 3)
        address = builder.inttoptr(values[0], function.as_pointer())
        return builder.call(address, [count, builder.bitcast(data, pointer), one])

    return types.float64(types.int64, types.intp, x), code


@part("get_cython_function_address and cgutils.alloca_once: a call into SciPy's BLAS")
def test_a_call_of_blas():
    address = get_cython_function_address("scipy.linalg.cython_blas", "dnrm2")
    length = numba.njit(lambda address, x: euclidean_length(address, x.size, x))
    assert length(address, np.array([3.0, 4.0])) == 5.0


@intrinsic
def counted_up(typing, address):
    """Add 1 to the integer at an address, and return what is there then."""

    def code(context, builder, signature, values):
        count = ir.IntType(64)
        pointer = builder.inttoptr(values[0], count.as_pointer())
        builder.atomic_rmw("add", pointer, count(1), "seq_cst")
        return builder.load_atomic(pointer, "seq_cst", 8)

    return types.int64(types.int64), code


@part("builder.atomic_rmw and builder.load_atomic: a counter that threads share")
def test_a_counter_of_threads():
    counter = np.array([41])
    assert numba.njit(lambda address: counted_up(address) + 0)(counter.ctypes.data) == 42
    assert counter[0] == 42


def lowered(formula):
    """Make a function of a float that a kernel replaces by the instructions of `formula`."""

    def function(x):
        raise NotImplementedError

    type_callable(function)(lambda context: lambda x: x if isinstance(x, types.Float) else None)
    lower_builtin(function, types.Float)(
        lambda context, builder, signature, operands: formula(builder, *operands)
    )
    return function


FLAGS = ("contract",)


def computed(function, x):
    """Call a lowered function from a kernel."""
    return numba.njit(lambda x: function(x) + 0.0)(x)


@part("type_callable, lower_builtin and instructions of floats with flags of their own")
def test_float_instructions():
    def formula(builder, x):
        assert isinstance(builder, ir.IRBuilder)
        assert isinstance(x, ir.Value)
        kinds: dict[ir.Type, int] = {ir.FloatType(): 4, ir.DoubleType(): 8}
        assert kinds[x.type] == 8
        for name, operand in {"fadd": 3.0, "fsub": 1.0, "fmul": 6.0, "fdiv": 2.0}.items():
            x = getattr(builder, name)(x, ir.Constant(x.type, operand), flags=FLAGS)
        smaller = builder.fcmp_ordered("<", x, ir.Constant(x.type, 99.0), flags=FLAGS)
        return builder.select(smaller, builder.fneg(x, flags=FLAGS), x)

    assert computed(lowered(formula), 5.0) == -((5.0 + 3.0 - 1.0) * 6.0 / 2.0)


@part("builder.bitcast and instructions of integers")
def test_bit_instructions():
    operands = {"add": 3, "sub": 1, "mul": -2, "and_": 0xFFF0, "or_": 1, "shl": 1, "lshr": 2}
    operands |= {"udiv": 7}

    def formula(builder, x):
        n = builder.neg(builder.bitcast(x, ir.IntType(64)))
        for name, operand in operands.items():
            n = getattr(builder, name)(n, ir.Constant(n.type, operand))
        return builder.bitcast(n, ir.DoubleType())

    x = np.int64(12345).view(np.float64)
    expected = (((((-12345 + 3 - 1) * -2) & 0xFFF0 | 1) << 1) >> 2) // 7
    assert np.float64(computed(lowered(formula), x)).view(np.int64) == expected


TYPES, CODE = Registry(), imputils.Registry("canary")


class Vector(types.Type):
    """A type of our own: an address and a length."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(f"vector of {dtype}")


@register_model(Vector)
class VectorModel(models.StructModel):
    def __init__(self, manager, kind):
        members = [("data", types.CPointer(kind.dtype)), ("length", types.intp)]
        super().__init__(manager, kind, members)


@TYPES.register_attr
class VectorAttributes(AttributeTemplate):
    key = Vector

    def resolve_shape(self, vector):
        return types.UniTuple(types.intp, 1)

    def resolve_dtype(self, vector):
        return types.DType(vector.dtype)


@CODE.lower_getattr(Vector, "shape")
def shape(context, builder, kind, vector):
    return cgutils.pack_array(builder, [builder.extract_value(vector, 1)])


@CODE.lower_getattr(Vector, "dtype")
def dtype(context, builder, kind, vector):
    return context.get_dummy_value()


def rule(function):
    """Let a definition stand for a Python function; numba's own rules of it do not hold."""

    def register(definition):
        def generic(template, arguments, keywords):
            return definition(template.context, *arguments)[0]

        def code(context, builder, signature, values):
            assert context.typing_context is not cpu_target.typing_context
            _, write = definition(context.typing_context, *signature.args)
            return write(context, builder, signature, values)

        attributes = {"key": definition, "generic": generic, "prefer_literal": True}
        template = type("Rule", (AbstractTemplate,), attributes)
        TYPES.register_global(function, types.Function(template))
        CODE.lower(definition, types.VarArg(types.Any))(code)
        return definition

    return register


class Word:
    """A name that a kernel passes to an instruction of our own."""


class WordType(types.Dummy):
    pass


register_model(WordType)(models.OpaqueModel)
typeof_impl.register(Word)(lambda word, context: WordType("word"))
WORD = Word()


def vector_of(record, word):
    """Stand for a vector of the numbers in a record."""


@rule(vector_of)
def _vector_of(typing, record, word):
    kind = Vector(types.float64)

    def code(context, builder, signature, values):
        vector = ir.Constant(context.get_value_type(kind), ir.Undefined)
        pointer = builder.bitcast(values[0], ir.DoubleType().as_pointer())
        vector = builder.insert_value(vector, pointer, 0)
        return builder.insert_value(vector, ir.Constant(ir.IntType(64), 2), 1)

    return kind(record, word), code


def place(context, builder, kinds, values):
    if context.enable_boundscheck:
        length = builder.extract_value(values[0], 1)
        cgutils.do_boundscheck(context, builder, values[1], length, 0)
    return builder.gep(builder.extract_value(values[0], 0), [values[1]])


@rule(operator.getitem)
def _getitem(typing, container, index):
    if isinstance(container, types.BaseTuple):
        assert isinstance(index, types.IntegerLiteral)

        def member(context, builder, signature, values):
            return builder.extract_value(values[0], index.literal_value)

        return container[index.literal_value](container, index), member
    if isinstance(container, types.NestedArray):

        def record(context, builder, signature, values):
            array = context.make_array(signature.args[0])(context, builder, values[0])
            return builder.gep(array.data, [values[1]])

        return container.dtype(container, types.intp), record

    def code(context, builder, signature, values):
        return builder.load(place(context, builder, signature.args, values))

    return container.dtype(container, types.intp), code


@rule(operator.setitem)
def _setitem(typing, vector, index, value):
    def code(context, builder, signature, values):
        builder.store(values[2], place(context, builder, signature.args, values))
        return context.get_dummy_value()

    return types.void(vector, types.intp, vector.dtype), code


@rule(max)
def _max(typing, first, second):
    kind = typing.unify_types(types.unliteral(first), types.unliteral(second))

    def code(context, builder, signature, values):
        function = context.typing_context.resolve_value_type(operator.gt)
        compared = function.get_call_type(context.typing_context, (kind, kind), {})
        greater = context.get_function(function, compared)(builder, [values[1], values[0]])
        return builder.select(greater, *reversed(values))

    return kind(kind, kind), code


@rule(int)
def _int(typing, number):
    def code(context, builder, signature, values):
        return context.cast(builder, values[0], signature.args[0], types.intp)

    return types.intp(number), code


class Turns(types.SimpleIteratorType):
    def __init__(self):
        super().__init__("turns", types.intp)


class Range(types.SimpleIterableType):
    def __init__(self):
        super().__init__("range", Turns())


@register_model(Range)
class RangeModel(models.StructModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, [("stop", types.intp)])


@register_model(Turns)
class TurnsModel(models.StructModel):
    def __init__(self, manager, kind):
        members = [("place", types.CPointer(types.intp)), ("stop", types.intp)]
        super().__init__(manager, kind, members)


def struct(context, builder, kind, *values):
    found = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for position, value in enumerate(values):
        found = builder.insert_value(found, value, position)
    return found


@rule(range)
def _range(typing, stop):
    kind = Range()

    def code(context, builder, signature, values):
        return struct(context, builder, kind, values[0])

    return kind(types.intp), code


@CODE.lower("getiter", Range)
def begin(context, builder, signature, values):
    with builder.goto_entry_block():
        place = builder.alloca(ir.IntType(64))
    builder.store(ir.IntType(64)(0), place)
    stop = builder.extract_value(values[0], 0)
    return struct(context, builder, signature.return_type, place, stop)


@CODE.lower("iternext", Turns)
def turn(context, builder, signature, values):
    place, stop = cgutils.unpack_tuple(builder, values[0], 2)
    index = builder.load(place)
    builder.store(builder.add(index, ir.IntType(64)(1), flags=["nsw"]), place)
    goes_on = builder.icmp_signed("<", index, stop)
    return struct(context, builder, signature.return_type, index, goes_on)


class Typing(typing.Context):
    def load_additional_registries(self):
        for registry in (TYPES, mathdecl.registry, enumdecl.registry):
            self.install_registry(registry)

    def install_registry(self, registry):
        loader = self._registries.setdefault(registry, RegistryLoader(registry))
        for template in loader.new_registrations("functions"):
            self.insert_function(template(self))
        for template in loader.new_registrations("attributes"):
            self.insert_attributes(template(self))
        ours = {function for function, _ in TYPES.globals} if registry is not TYPES else ()
        for function, kind in loader.new_registrations("globals"):
            compiled = [hasattr(t, "_overload_func") for t in getattr(kind, "templates", ())]
            if function in ours or any(compiled):
                continue
            known = self._lookup_global(function)
            if known is not None:
                self._remove_global(function)
                kind = known.augment(kind)
            self._insert_global(function, kind)


class Library(codegen.AOTCodeLibrary):
    def __init__(self, owner, name):
        codegen.CodeLibrary.__init__(self, owner, name)
        self.modules, self.called = [], []

    def add_linking_library(self, library):
        self.called.append(library)

    def add_ir_module(self, module):
        assert isinstance(module, ir.Module)
        self.modules.append(llvm.parse_assembly(str(module)))

    def whole(self):
        module = llvm.parse_assembly(str(self._codegen._create_empty_module("whole")))
        for each in [*self.modules, *(one for called in self.called for one in called.modules)]:
            module.link_in(each, preserve=True)
        return module


class Code(codegen.AOTCPUCodegen):
    """Code for this processor, which may lie anywhere."""

    _library_class = Library

    def _customize_tm_options(self, options):
        super()._customize_tm_options(options)
        options["cpu"] = self._get_host_cpu_name()

    def _customize_tm_features(self):
        return self._get_host_cpu_features()

    def machine_code(self, module):
        module.data_layout = self._data_layout
        passes, builder = self._module_pass_manager()
        passes.run(module, builder)
        return self._tm.emit_object(module)


class Convention(callconv.BaseCallConv):
    """A function returns a status and its result, or a status alone."""

    def _make_call_helper(self, builder):
        return None

    def get_function_type(self, result, arguments):
        passed = list(self._get_arg_packer(arguments).argument_types)
        if result == types.void:
            return ir.FunctionType(ir.IntType(32), passed)
        returned = self.context.data_model_manager[result].get_return_type()
        both = ir.LiteralStructType([ir.IntType(32), returned])
        return ir.FunctionType(both, passed)

    def decorate_function(self, function, names, kinds, noalias=False):
        assert isinstance(function, ir.Function)
        self._get_arg_packer(kinds).assign_names(function.args, names)

    def get_arguments(self, function):
        return function.args

    def return_value(self, builder, value):
        kind, success = builder.function.function_type.return_type, ir.IntType(32)(0)
        if kind == success.type:
            builder.ret(success)
            return
        both = builder.insert_value(ir.Constant(kind, ir.Undefined), success, 0)
        builder.ret(builder.insert_value(both, value, 1))

    def call_function(self, builder, function, result, kinds, values):
        packed = self._get_arg_packer(kinds).as_arguments(builder, values)
        returned = builder.call(function, list(packed))
        value = builder.extract_value(returned, 1)
        return None, self.context.get_returned_value(builder, result, value)


class Target(cpu.CPUContext):
    def init(self):
        self.is32bit = False
        self._internal_codegen = Code("canary")
        self.aot_mode = True

    @cached_property
    def call_conv(self):
        return Convention(self)

    def call_internal(self, builder, described, signature, values):
        return self.call_internal_no_propagate(builder, described, signature, values)[1]

    def pair_first(self, builder, pair, kind):
        return builder.extract_value(pair, 0)

    def pair_second(self, builder, pair, kind):
        return builder.extract_value(pair, 1)

    def load_additional_registries(self):
        for registry in (CODE, mathimpl.registry):
            self.install_registry(registry)

    def post_lowering(self, module, library):
        fastmathpass.rewrite_module(module, self.fastmath)


class Formula:
    """An object that numba calls as a function."""


@typeof_impl.register(Formula)
def typeof_formula(formula, context):
    generic = {"key": formula, "generic": lambda self: lambda x: x}
    CODE.lower(formula, types.Float)(lambda context, builder, signature, given: given[0])
    return types.Function(type("Formula", (CallableTemplate,), generic))


class InLanes:
    """An object that numba calls as a function of any arguments."""


def twice_the_sum(context, builder, signature, given):
    """Write 2 (x[0] + x[1]) over the first element of an array, in a loop of two turns."""
    assert context.codegen()._get_host_cpu_name()
    assert isinstance(context.codegen()._get_host_cpu_features(), str)
    data = context.make_array(signature.args[0])(context, builder, given[0]).data
    pair, index = ir.VectorType(ir.DoubleType(), 2), ir.IntType(64)
    assert (pair.element, pair.count) == (ir.DoubleType(), 2)
    place = builder.bitcast(builder.gep(data, [index(0)]), pair.as_pointer())
    x, nothing = builder.load(place, align=8), ir.Constant(pair, ir.Undefined)
    turned = builder.shuffle_vector(
        x, nothing, ir.Constant(ir.VectorType(ir.IntType(32), 2), [1, 0])
    )
    factor = builder.insert_element(nothing, ir.DoubleType()(1.0), ir.IntType(32)(0))
    factor = builder.insert_element(factor, ir.DoubleType()(0.0), ir.IntType(32)(1))
    before, loop, after = (
        builder.block,
        builder.append_basic_block("turn"),
        builder.append_basic_block("after"),
    )
    builder.cbranch(builder.icmp_signed(">", given[1], index(0)), loop, after)
    builder.position_at_end(loop)
    turn, total = builder.phi(index), builder.phi(pair)
    following = builder.add(turn, index(1))
    new = builder.fadd(total, builder.fmul(builder.fadd(x, turned), factor))
    builder.cbranch(builder.icmp_signed("<", following, given[1]), loop, after)
    builder.position_at_end(after)
    last = builder.phi(pair)
    zero = ir.Constant(pair, [0.0, 0.0])
    for phi, first, next_one in ((turn, index(0), following), (total, zero, new)):
        phi.add_incoming(first, before)
        phi.add_incoming(next_one, loop)
    last.add_incoming(zero, before)
    last.add_incoming(new, loop)
    function = ir.FunctionType(pair, [pair])
    root = cgutils.get_or_insert_function(builder.module, function, "llvm.sqrt.v2f64")
    last = builder.call(root, [builder.fmul(last, last)])
    last = builder.select(builder.fcmp_unordered("uno", last, last), zero, last)
    builder.store(last, place, align=8)
    return context.get_dummy_value()


@typeof_impl.register(InLanes)
def typeof_in_lanes(kernel, context):
    def generic(template, kinds, _named):
        kinds = map(types.unliteral, kinds)
        passed = [types.intp if isinstance(kind, types.Integer) else kind for kind in kinds]
        return types.void(*passed)

    lower_builtin(kernel, types.VarArg(types.Any))(twice_the_sum)
    return types.Function(type("InLanes", (AbstractTemplate,), {"key": kernel, "generic": generic}))


IN_LANES = InLanes()


@part("a function of any arguments, and instructions on vectors and of loops")
def test_instructions_on_vectors():
    x = np.array([3.0, 4.0])
    numba.njit(lambda x: IN_LANES(x, 2))(x)
    assert x.tolist() == [14.0, 0.0]


class Kernel:
    """A function that numba compiles wherever another one names it."""

    def __init__(self, function, **options):
        self.py_func, self.targetoptions = function, options


class KernelType(types.Callable, types.Dummy):
    def __init__(self, kernel):
        super().__init__(f"kernel {id(kernel)}")
        self.kernel, self.known = kernel, {}

    def get_call_type(self, context, arguments, keywords):
        return self.of(tuple(map(types.unliteral, arguments)))[0]

    def get_call_signatures(self):
        return [], True

    def get_impl_key(self, signature):
        return self.of(signature.args)[2]

    def of(self, arguments):
        if arguments not in self.known:
            found = self.known[arguments] = lowered_kernel(self.kernel, arguments, None)
            signature, described, library = found

            def code(context, builder, _signature, values):
                return context.call_internal(builder, described, signature, values)

            code.libs = (library,)
            TARGET.insert_func_defn([(code, library, signature.args)])
        return self.known[arguments]


register_model(KernelType)(models.OpaqueModel)


@typeof_impl.register(Kernel)
def typeof_kernel(kernel, context):
    if not hasattr(kernel, "kind"):
        kernel.kind = KernelType(kernel)
    return kernel.kind


class Lower(lowering.Lower):
    def init(self):
        super().init()
        self.written = set()

    def emit_environment_object(self):
        """A function without Python objects."""

    def pre_lower(self):
        """No such objects are read."""

    def lower_inst(self, instruction):
        if isinstance(instruction, numba_ir.Assign):
            name = instruction.target.name
            self.storevar(self.lower_assign(self.typeof(name), instruction), name)
        else:
            super().lower_inst(instruction)

    def storevar(self, value, name, argidx=None):
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self._alloca_var(name, self.typeof(name))
            self.builder.store(value, self.getvar(name))

    def alloca_lltype(self, name, kind, datamodel=None):
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind, name=name)

    def pre_block(self, block):
        self._cur_ir_block = block

    def lower_block(self, block):
        self.pre_block(block)
        for instruction in block.body:
            self.loc = instruction.loc
            self.lower_inst(instruction)
        self.written.add(block)
        if any(self.blocks[place] in self.written for place in block.terminator.get_targets()):
            assert isinstance(self.builder.block.terminator, ir.Instruction)
            rolled = self.module.add_metadata(["llvm.loop.unroll.runtime.disable"])
            loop = self.module.add_metadata([rolled, ir.Constant(ir.IntType(32), 7)])
            loop.operands = (loop, rolled)
            self.builder.block.terminator.set_metadata("llvm.loop", loop)


def lowered_kernel(kernel, arguments, result):
    flags = compiler.Flags()
    options = {**OPTIONS, **kernel.targetoptions, "nopython": True, "_nrt": False}
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
        library = target.codegen().create_library("canary")
        with target.push_code_library(library):
            Lower(target, library, described, code).lower()
    return typing.signature(result, *arguments), described, library


for imported in (arrayobj, builtins, enumimpl, numbers, tupleobj):
    assert imported, "they register the code of what kernels use"
TARGET = Target(Typing(), "cpu")
TARGET.refresh()
UNCHANGED = Formula()
ADDED = Kernel(lambda x: UNCHANGED(x) + 1.0)
DOUBLED = Kernel(lambda x: x * 2.0, forceinline=True)
INNER = np.dtype([("times", np.int64)], align=True)
RECORD = np.dtype([("first", np.float64), ("second", np.float64), ("inner", INNER, (2,))])


def change_record(record):
    vector = vector_of(record, WORD)
    zero = vector.dtype.type(0)
    for i in range(vector.shape[0]):
        vector[i] = max(DOUBLED(ADDED(vector[i])), zero)
    record.inner[1].times += int(record.first)


@global_compiler_lock
def compiled_object():
    kind = numba.from_dtype(RECORD)
    _, described, library = lowered_kernel(Kernel(change_record), (kind,), types.void)
    module = library.whole()
    module.get_function(described.mangled_name).name = "entry"
    text = str(module)
    assert "llvm.loop.unroll.runtime.disable" in text
    assert "fmul contract" in text
    assert "alwaysinline" in text
    for value in [*module.functions, *module.global_variables]:
        if not value.is_declaration and value.name != "entry":
            value.linkage = "internal"
    code = TARGET.codegen().machine_code(module)
    assert not [f.name for f in module.functions if f.is_declaration and "llvm." not in f.name]
    return code


@part("a language and a target of our own: an object with one function, of a pointer to a record")
def test_an_object_of_a_target_of_our_own_runs_after_llvmlite_linked_it():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    linker, code = llvm.create_lljit_compiler(machine), compiled_object()
    for name in ("first", "second"):
        library = llvm.JITLibraryBuilder().add_object_img(code).export_symbol("entry")
        library.import_symbol("memset", llvm.address_of_symbol("memset"))
        found = library.link(linker, name)
        record = np.array([(5.0, -9.0, [(1,), (10,)])], RECORD)
        call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(found["entry"])
        assert call(record.ctypes.data) == 0
        assert (record["first"][0], record["second"][0]) == (12.0, 0.0)
        assert record["inner"]["times"].tolist() == [[1, 22]]


@part("the processor as llvmlite describes it")
def test_instructions_that_change_places():
    """A block has a list of its instructions, which know their operands and what they call."""
    double = ir.DoubleType()
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(double, [double, double]), "places")
    root = ir.Function(module, ir.FunctionType(double, [double]), "llvm.sqrt.f64")
    builder = ir.IRBuilder(function.append_basic_block())
    x, y = function.args
    product = builder.fmul(x, y)
    other = builder.fadd(x, y)
    called = builder.call(root, [other])
    instructions = builder.block.instructions
    assert instructions == [product, other, called]
    assert [each.opname for each in instructions] == ["fmul", "fadd", "call"]
    assert called.callee.name == "llvm.sqrt.f64"
    assert other in called.operands
    instructions[:] = [other, called, product]
    builder.ret(builder.fsub(called, product))
    text = str(module)
    assert text.index("fadd") < text.index("call") < text.index("fmul") < text.index("fsub")
    llvm.parse_assembly(text).verify()


def test_the_host_processor():
    assert llvm.get_host_cpu_name()
    assert all(isinstance(has, bool) for has in llvm.get_host_cpu_features().values())


@intrinsic
def checked(typing, status):
    def code(context, builder, signature, values):
        with builder.if_then(cgutils.is_not_null(builder, values[0]), likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("out of bounds",))
        return values[0]

    return types.int64(status), code


@part(
    "an exception out of instructions of our own, where numba.core.config.BOUNDSCHECK asks for it"
)
def test_an_exception_in_instructions():
    assert config.BOUNDSCHECK is None
    assert numba.config.BOUNDSCHECK is None
    check = numba.njit(lambda status: checked(status) + 0)
    assert check(0) == 0
    with pytest.raises(IndexError, match="out of bounds"):
        check(1)


@intrinsic
def address_of(typing, array):
    def code(context, builder, signature, values):
        view = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.ptrtoint(view.data, context.get_value_type(types.int64))

    return types.int64(array), code


@part("builder.ptrtoint: the address of an array")
def test_the_address_of_an_array():
    array = np.zeros(3)
    assert numba.njit(lambda array: address_of(array) + 0)(array) == array.ctypes.data


@intrinsic
def second_of(typing, record):
    assert isinstance(record, types.Record)

    def code(context, builder, signature, values):
        kind = signature.args[0]
        element = context.get_value_type(kind.typeof("second"))
        place = cgutils.get_record_member(builder, values[0], kind.offset("second"), element)
        return builder.load(place)

    return types.float64(record), code


@part("numba.core.cgutils.get_record_member")
def test_a_member_of_a_record():
    read = numba.njit(lambda records: second_of(records[0]))
    records = np.zeros(1, RECORD)
    records["second"] = 5.0
    assert read(records) == 5.0
