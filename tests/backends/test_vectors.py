"""Vector kernels: the same numbers from NumPy and from instructions, whatever the arguments."""

import numpy as np
import pytest

from samplewise_backends.numba_cpu.compile import vectors
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.fields import fields_of
from samplewise_backends.numba_cpu.compile.inlining import is_nan, magnitude, select
from samplewise_backends.numba_cpu.compile.jit import routine
from samplewise_backends.numba_cpu.compile.key import processor
from samplewise_backends.numba_cpu.compile.processors import vector_bytes
from samplewise_backends.numba_cpu.compile.record import INTEGER, NUMBER, reads, record, writes
from samplewise_backends.numba_cpu.compile.vectors import lanes_of, vector_kernel
from samplewise_backends.numba_cpu.compile.views import vector_at

ROOM = 64
TASK = record("task", x=reads(NUMBER), out=writes(NUMBER), count=INTEGER, factor=NUMBER)
ROOTS = record(
    "roots",
    x=reads(NUMBER),
    out=writes(NUMBER),
    size=INTEGER,
    count=INTEGER,
    factor=NUMBER,
)
INF, NAN = np.inf, np.nan


@vector_kernel
def arithmetic(v, out, x, factor, count):
    """Write formulas of the first two vectors of x, one after the other."""
    a, b = v.load(x, 0), v.load(x, v.lanes)
    found = [
        a + b,
        a - b,
        a * b,
        a / b,
        2.0 - a,
        factor * a + b,
        v.all(factor) + a,
        v.all(1) + a,
        v.root(magnitude(a)),
        select(a < b, a, 0.0),
        select(a <= 0.0, v.all(0.0), a),
        select((b > a) | is_nan(b), b, a),
        v.shuffle(a, b, [lane ^ 1 for lane in range(v.lanes)]),
        v.shuffle(a, b, [v.lanes + lane // 2 for lane in range(v.lanes)]),
        -a,
        v.all(v.sum(a)),
        v.all(v.first(b)),
        v.all(v.root(magnitude(v.first(a)))),
    ]
    for place, vector in enumerate(found):
        v.store(out, place * v.lanes, vector)


@vector_kernel
def sums(v, out, x, factor, count):
    """Write sum_i x[i] x[i + lane], the last i, and the factor; then the sum from i = 2 on."""

    def turn(i, state):
        total, last = state
        return [total + x[i] * v.load(x, i), v.all(x[i]) + 0.0 * last]

    total, last = v.repeat(count, turn, [v.all(0.0), v.all(factor)])
    v.store(out, 0, total)
    v.store(out, v.lanes, last)
    out[2 * v.lanes] = factor
    total, last = v.repeat(count, turn, [v.all(0.0), v.all(factor)], 2)
    v.store(out, 3 * v.lanes, total)
    v.store(out, 4 * v.lanes, last)


@vector_kernel
def integers(v, out, x, factor, task):
    """Write numbers of the fields of a record, of quotients and of comparisons."""
    third = task.count // 3
    smaller = select(third < 2, third, 2)
    v.store(out, 0, v.all(v.number(third)))
    v.store(out, v.lanes, v.load(x, smaller))
    v.store(out, 2 * v.lanes, v.all(task.factor) + v.all(v.number(5)))
    v.store(out, 3 * v.lanes, v.all(v.number(select(2 * third > task.count, 1, smaller))))


@vector_kernel
def halves(v, out, x, factor, count):
    """Write half of each vector of x, first with subnormal numbers flushed, then without."""

    def halve(first, place):
        def one(i, state):
            v.store(out, place + i * v.lanes, factor * v.load(x, first + i * v.lanes))
            return state

        v.repeat(count, one, [])

    v.flushing(lambda: halve(0, 0))
    halve(ROOM // 2, ROOM)
    out[2 * ROOM] = v.number(int(v.flushes))


@vector_kernel
def roots(v, out, x, factor, count):
    """Write the square roots of `count` vectors of x."""

    def one(i, state):
        v.store(out, i * v.lanes, v.root_apart(v.load(x, i * v.lanes)))
        return state

    v.repeat(count, one, [])


@vector_kernel
def overlaps(v, out, x, factor, count):
    """Write the roots of three vectors of x over those of the next three, then their sum."""

    def work(k):
        def quotient(state):
            a, b = v.load(x, k * v.lanes), v.load(x, (k + 3) * v.lanes)
            found = v.root(magnitude(a)) / v.root_apart(magnitude(b))
            v.store(out, k * v.lanes, found)
            return [state[0] + found]

        return quotient

    (total,) = v.overlapped([work(k) for k in range(3)], 7, [v.all(factor)])
    v.store(out, 3 * v.lanes, total)


@routine(ROOTS)
def run_roots(task):
    x, out = vector_at(task.x, task.size, task.factor), vector_at(task.out, task.size, task.factor)
    roots(out, x, task.factor, task.count)


@routine(TASK)
def run_overlaps(task):
    x, out = vector_at(task.x, 128, task.factor), vector_at(task.out, 512, task.factor)
    overlaps(out, x, task.factor, task.count)


@routine(TASK)
def run_halves(task):
    x, out = vector_at(task.x, 64, task.factor), vector_at(task.out, 512, task.factor)
    halves(out, x, task.factor, task.count)


@routine(TASK)
def run_integers(task):
    x, out = vector_at(task.x, 64, task.factor), vector_at(task.out, 512, task.factor)
    integers(out, x, task.factor, task)


@routine(TASK)
def run_arithmetic(task):
    x, out = vector_at(task.x, 64, task.factor), vector_at(task.out, 512, task.factor)
    arithmetic(out, x, task.factor, task.count)


@routine(TASK)
def run_sums(task):
    x, out = vector_at(task.x, 64, task.factor), vector_at(task.out, 512, task.factor)
    sums(out, x, task.factor, task.count)


@pytest.fixture(autouse=True)
def vectors_of_python_as_large_as_this_processors(monkeypatch):
    monkeypatch.setattr(vectors._InPython, "size_in_bytes", vector_bytes(*processor()))


def results(one, x, count=0, factor=0.5):
    """Return the results of a routine: run as instructions, and in Python with as many lanes."""
    dtype = x.dtype
    compiled, python = np.zeros(512, dtype), np.zeros(512, dtype)
    call = Call(one, dtype)
    call.set(x=x, out=compiled, count=count, factor=factor)
    call()
    bodies = {run_arithmetic: arithmetic, run_sums: sums, run_integers: integers}
    body = (bodies | {run_halves: halves, run_overlaps: overlaps})[one]
    of_python = fields_of(TASK, call.memory[0]) if body is integers else count
    body(python, x, dtype.type(factor), of_python)
    return compiled, python


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arithmetic_on_vectors_is_that_of_numpy(dtype):
    x = np.random.default_rng(3).standard_normal(ROOM).astype(dtype)
    compiled, python = results(run_arithmetic, x)
    # Equal but where a product is fused into a sum.
    np.testing.assert_allclose(compiled, python, rtol=4 * np.finfo(dtype).eps)
    assert np.abs(compiled).sum() > 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 0.0, -0.0])
def test_no_formula_on_vectors_hides_a_nan_or_an_infinity(dtype, special):
    x = np.linspace(-2, 2, ROOM).astype(dtype)
    x[[1, 9, 12]] = special
    compiled, python = results(run_arithmetic, x)
    np.testing.assert_array_equal(np.isnan(compiled), np.isnan(python))
    np.testing.assert_array_equal(np.isinf(compiled), np.isinf(python))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [0, 5, 20])
def test_a_record_gives_its_fields_and_integers_become_numbers(dtype, count):
    x = np.random.default_rng(count).standard_normal(ROOM).astype(dtype)
    compiled, python = results(run_integers, x, count)
    np.testing.assert_array_equal(compiled, python)
    assert compiled[0] == count // 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_vectors_flush_subnormal_results_are_0_and_are_numbers_again_later(dtype):
    tiny = np.finfo(dtype).tiny
    compiled, python = results(run_halves, np.resize(np.array([tiny, -tiny, 3], dtype), ROOM), 2)
    flushes = bool(compiled[2 * ROOM])
    # AVX2 and AVX-512.
    assert flushes == (vector_bytes(*processor()) >= 32)
    count, (flushed, kept) = 2 * lanes_of(compiled), compiled[: 2 * ROOM].reshape(2, ROOM)
    exact = python[:count]
    is_small = np.abs(exact) < tiny
    np.testing.assert_array_equal(flushed[:count], np.where(is_small & flushes, 0, exact))
    np.testing.assert_array_equal(kept, python[ROOM : 2 * ROOM])
    assert is_small.any()
    assert not is_small.all()
    assert kept[:count].all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 30])
def test_a_loop_runs_as_often_as_it_is_told_and_carries_its_state(dtype, count):
    x = np.random.default_rng(count).standard_normal(ROOM).astype(dtype)
    compiled, python = results(run_sums, x, count)
    np.testing.assert_allclose(compiled, python, rtol=1e-5, atol=1e-6)
    assert (compiled[0] == 0) == (count == 0)
    from_2_on = compiled[3 * lanes_of(x)]
    assert (from_2_on == 0) == (count <= 2)


def root(x):
    """Return the square roots that vectors give; x is some whole vectors."""
    found = np.empty_like(x)
    call = Call(run_roots, x.dtype)
    call.set(x=x, out=found, size=len(x), count=len(x) // lanes_of(x))
    call()
    return found


def near_a_boundary():
    """Return float64 whose square roots lie as close as can be to being rounded otherwise.

    n / 2 with an odd n of 54 bits is the middle of two whole floats. Its square is x + r / 4 with
    a small r where n^2 is r modulo 2^55, so that x has 53 bits. An r of 1 modulo 8 has such roots.
    """
    found = []
    for r in range(-8191, 8193, 8):
        n = 1
        for bit in range(3, 55):
            # n^2 is r modulo 2^bit; add what makes it so modulo twice as much.
            n += (n * n - r >> bit & 1) << (bit - 1)
        for each in (n, -n, n + 2**54, 2**54 - n):
            middle = each % 2**55
            if 2**53 <= middle < 2**54 and (x := middle * middle - r) >> 2 < 2**106:
                found += [float(x >> 2)] if x % 2**55 == 0 else []
    return np.array(found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_root_apart_has_the_bits_of_a_root(dtype):
    rng, most = np.random.default_rng(5), 120 if dtype == "float32" else 960
    x = rng.uniform(0.5, 2, 1 << 18)
    x = np.ldexp(x, rng.integers(-most, most, x.shape)).astype(dtype)
    np.testing.assert_array_equal(root(x), np.sqrt(x))


def test_a_root_apart_is_rounded_as_a_root_where_two_numbers_are_almost_equally_near():
    x = near_a_boundary()
    assert len(x) > 1000
    part = np.sqrt(x.astype(np.longdouble)) / np.spacing(np.sqrt(x)) % 1
    assert (np.abs(part - 0.5) < 1e-3).all()
    x = np.resize(x, -(-len(x) // ROOM) * ROOM)
    for scale in (1, 2.0**-800, 2.0**800):
        np.testing.assert_array_equal(root(scale * x), np.sqrt(scale * x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_root_apart_hides_no_nan_and_no_infinity(dtype):
    limits = np.finfo(dtype)
    for special in (0, 1, limits.tiny, limits.max, INF, NAN, -1, -INF, -limits.tiny):
        # One such number in any lane, beside others.
        for lane in range(16):
            x = np.full(ROOM, 3, dtype)
            x[lane] = special
            with np.errstate(invalid="ignore"):
                np.testing.assert_array_equal(root(x), np.sqrt(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_overlapped_works_give_what_they_do_one_after_the_other(dtype):
    x = np.random.default_rng(6).standard_normal(128).astype(dtype)
    compiled, python = results(run_overlaps, x)
    np.testing.assert_array_equal(compiled, python)
    assert compiled[3 * lanes_of(x)] > 0.5
