"""Records: one layout for Python and kernels, and arrays that live as long as their addresses."""

import gc
import itertools
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest

from samplewise_backends.numba_cpu.compile import calls, jit
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, routine
from samplewise_backends.numba_cpu.compile.record import (
    INTEGER,
    NUMBER,
    REAL,
    ROUTINE,
    Struct,
    reads,
    record,
    repeated,
    writes,
)
from samplewise_backends.numba_cpu.compile.views import (
    call,
    integers_at,
    matrix_at,
    record_at,
    vector_at,
)

LAYER = record("layer", units=INTEGER, scale=NUMBER, epsilon=REAL)
PRODUCT = record("product", x=reads(NUMBER), y=writes(NUMBER), n=INTEGER, factor=NUMBER)
EVERYTHING = record(
    "everything",
    tiny=NUMBER,
    rows=INTEGER,
    X=reads(NUMBER),
    order=reads(INTEGER),
    out=writes(NUMBER),
    layers=reads(LAYER),
    own=LAYER,
    several=repeated(LAYER, 3),
    product=PRODUCT,
    take=ROUTINE,
)


@kernel
def units_of(layer):
    return layer.units


@inlined_kernel
def double_units(layer):
    layer.units = 2 * units_of(layer)


@routine(PRODUCT)
def scaled(given):
    x, y = vector_at(given.x, given.n, given.factor), vector_at(given.y, given.n, given.factor)
    for i in range(given.n):
        y[i] = given.factor * x[i]


@routine(EVERYTHING)
def everything(given):
    X = matrix_at(given.X, 2, 2, given.tiny)
    order, out = integers_at(given.order, given.rows), vector_at(given.out, given.rows, given.tiny)
    for r in range(given.rows):
        layer = record_at(given.layers, r, LAYER, given.tiny)
        out[r] = X[order[r], 1] * layer.scale * units_of(layer) + layer.epsilon
    double_units(given.own)
    for k in range(3):
        given.own.units += given.several[k].units
        given.several[k].scale = 7
    call(given.take, given.product)


@pytest.fixture(
    params=itertools.product(["float32", "float64"], ["compiled", "in Python"]), ids=str
)
def prepared(request, monkeypatch):
    dtype, way = request.param
    if way == "in Python":
        for module in (jit, calls):
            monkeypatch.setattr(module, "compiles_nothing", lambda: True)
    prepared = Call(everything, dtype)
    layers = Struct(LAYER, dtype, 2)
    layers.set(scale=0.5)
    layers.set_each(units=[1, 2], epsilon=[0, 100])
    X, order, out = np.arange(4, dtype=dtype).reshape(2, 2), np.array([1, 0]), np.zeros(2, dtype)
    prepared.set(tiny=0, rows=2, X=X, order=order, out=out, layers=layers, take=scaled)
    prepared.inner("own").set(units=5)
    for k in range(3):
        prepared.inner("several", k).set(units=10**k)
    y = np.zeros(2, dtype)
    prepared.inner("product").set(x=out, y=y, n=2, factor=-1)
    return prepared, out, y


def test_a_kernel_reads_and_writes_every_kind_of_field(prepared):
    run, out, y = prepared
    run()
    assert out.tolist() == [3 * 0.5 * 1, 1 * 0.5 * 2 + 100]
    assert run.memory["own"]["units"][0] == 5 * 2 + 111
    assert run.memory["several"]["scale"].tolist() == [[7, 7, 7]]
    assert y.tolist() == (-out).tolist()


def test_a_second_call_sees_what_was_set_between(prepared):
    run, out, _ = prepared
    run.set(rows=1)
    run()
    assert out.tolist() == [1.5, 0]


def test_a_prepared_call_does_the_same(prepared):
    run, out, _ = prepared
    run.prepared()()
    assert out.tolist() == [1.5, 101]


def test_a_prepared_call_keeps_its_record():
    run = Call(scaled, "float64")
    memory = weakref.ref(run.memory)
    quick = run.prepared()
    del run
    gc.collect()
    assert memory() is not None
    del quick
    assert memory() is None


def test_a_call_forgets_all_but_the_settled_fields_whose_arrays_it_empties():
    struct, kept, other = Struct(EVERYTHING, "float64"), np.ones(3), np.ones(2)
    struct.set(out=kept, rows=1)
    struct.inner("product").set(y=kept)
    struct.settle()
    gone = weakref.ref(other)
    struct.set(out=other, X=other, rows=2)
    struct.inner("product").set(x=other)
    del other
    struct.forget()
    gc.collect()
    assert gone() is None
    assert kept.tolist() == [0, 0, 0]
    assert struct.memory["out"] == struct.memory["product"]["y"] == kept.ctypes.data
    assert struct.memory["X"] == struct.memory["product"]["x"] == 0
    assert struct.memory["rows"] == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_layout_is_that_of_a_c_struct(dtype):
    layout = LAYER.of(dtype)
    assert layout.isalignedstruct
    assert layout.fields["epsilon"][1] == 16
    assert layout.fields["scale"][0] == np.dtype(dtype)


def test_arrays_live_as_long_as_their_addresses():
    struct, array = Struct(PRODUCT, "float64"), np.zeros(3)
    alive = weakref.ref(array)
    struct.set(x=array)
    del array
    gc.collect()
    assert alive() is not None
    struct.set(x=np.zeros(3))
    gc.collect()
    assert alive() is None


def frozen(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("field", "array", "message"),
    [
        ("x", np.zeros(3, np.float32), "product.x: must be a contiguous array of float64"),
        ("x", np.zeros(3, np.int64), "product.x: must be a contiguous array of float64"),
        ("x", np.zeros(6)[::2], "product.x: must be a contiguous array of float64"),
        ("y", frozen(np.zeros(3)), "product.y: must be writable, got a read-only array"),
    ],
)
def test_an_array_that_a_kernel_would_misread_is_refused(field, array, message):
    with pytest.raises(TypeError, match=message):
        Struct(PRODUCT, "float64").set(**{field: array})


def test_an_array_that_was_refused_is_refused_again_and_the_one_before_stays():
    struct, array, refused = Struct(PRODUCT, "float64"), np.zeros(3), np.zeros(6)[::2]
    struct.set(x=array)
    alive = weakref.ref(array)
    del array
    for _ in range(2):
        with pytest.raises(TypeError, match="product.x: must be a contiguous array of float64"):
            struct.set(x=refused)
    gc.collect()
    assert alive() is not None


def test_no_record_seems_to_have_an_array_of_several_of_which_one_was_refused():
    products, good = Struct(PRODUCT, "float64", 2), np.zeros(3)
    for _ in range(2):
        with pytest.raises(TypeError, match="product.x: must be a contiguous array of float64"):
            products.set_each(x=[good, np.zeros(6)[::2]])
    products.set_each(x=[good, good])
    assert products.memory["x"].tolist() == [good.ctypes.data] * 2


def test_an_array_that_is_only_read_may_be_read_only():
    Struct(PRODUCT, "float64").set(x=frozen(np.zeros(3)))


OUT_OF_BOUNDS = """
import numpy as np
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.jit import kernel, routine
from samplewise_backends.numba_cpu.compile.record import INTEGER, ROUTINE, NUMBER, record, writes
from samplewise_backends.numba_cpu.compile.views import call, vector_at
GIVEN = record("given", tiny=NUMBER, n=INTEGER, x=writes(NUMBER), inner=ROUTINE)
@kernel
def written(x, n):
    x[n] = 7
    return n
@routine(GIVEN)
def inner(given):
    x = vector_at(given.x, 3, given.tiny)
    x[written(x, given.n) - 1] = 5
@routine(GIVEN)
def outer(given):
    call(given.inner, given)
for n in 2, 3:
    x, run = np.zeros(4), Call(outer, "float64")
    run.set(x=x, n=n, inner=inner)
    try:
        run()
    except IndexError as error:
        print(error, x)
"""


def test_an_index_out_of_bounds_is_an_error_where_numba_checks_them(tmp_path):
    code = tmp_path / "code.py"
    code.write_text(OUT_OF_BOUNDS)
    checks = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "SAMPLEWISE_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(code)],
        env=checks,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "kernel of given: an index is out of bounds [0. 0. 0. 0.]\n"


def test_several_records_take_one_value_for_all_or_one_for_each():
    layers, rows = Struct(LAYER, "float32", 3), np.arange(12.0, dtype="float32").reshape(3, 4)
    layers.set(units=7)
    layers.set_each(scale=[0.5, 1.5, 2.5])
    assert layers.memory["units"].tolist() == [7, 7, 7]
    assert layers.memory["scale"].tolist() == [0.5, 1.5, 2.5]
    products = Struct(PRODUCT, "float32", 3)
    products.settle()
    products.set_each(y=rows)
    assert products.memory["y"].tolist() == [row.ctypes.data for row in rows]
    products.set(x=rows)
    assert products.memory["x"].tolist() == [rows.ctypes.data] * 3
    with pytest.raises(TypeError, match="product.y: must be a contiguous array"):
        products.set_each(y=rows[:, ::2])
    products.forget()
    assert not products.memory["y"].any()


def test_an_array_that_was_taken_away_is_written_again_when_it_comes_back():
    product, rows = Struct(PRODUCT, "float32"), np.ones(4, dtype="float32")
    for given, wanted in ((rows, rows.ctypes.data), (None, 0), (rows, rows.ctypes.data)):
        product.set_each(x=[given])
        assert product.memory["x"].tolist() == [wanted]


def test_settled_records_are_repeated_whatever_was_written_since():
    layers = Struct(LAYER, "float32", 2)
    layers.set_each(scale=[0.5, 1.5])
    layers.settle()
    layers.set(scale=9.0)
    copies = layers.repeated(3)
    assert copies.memory["scale"].tolist() == [0.5, 1.5] * 3
    copies.set(scale=2.0)
    assert layers.memory["scale"].tolist() == [9.0, 9.0]
    copies.forget()
    assert copies.memory["scale"].tolist() == [0.5, 1.5] * 3


def test_a_field_points_to_one_of_several_records_until_the_settled_ones_come_back():
    run = Struct(EVERYTHING, "float64")
    first, others = Struct(LAYER, "float64"), Struct(LAYER, "float64", 4)
    run.set(layers=first)
    run.settle()
    run.point("layers", others, 3)
    assert run.memory["layers"] == others.memory[3:].ctypes.data
    run.forget()
    assert run.memory["layers"] == first.memory.ctypes.data


def test_arrays_of_several_records_live_as_long_as_they_do():
    products, rows = Struct(PRODUCT, "float32", 3), [np.ones(4, dtype="float32") for _ in range(2)]
    products.settle()
    products.set_each(x=[rows[0], None, rows[1]])
    addresses, known = [one.ctypes.data for one in rows], [weakref.ref(one) for one in rows]
    assert products.memory["x"].tolist() == [addresses[0], 0, addresses[1]]
    rows.clear()
    assert all(one() is not None for one in known)
    products.forget()
    assert all(one() is None for one in known)
