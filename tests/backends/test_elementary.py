"""Exponential, logarithm and company: right to 4 ULP, IEEE at the edges, vectorised, and alone."""

import os
import platform
import re
import subprocess
import sys
from functools import cache

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplewise_backends.numba_cpu.compile import jit, lowering_formulas  # noqa: F401 - for numba
from samplewise_backends.numba_cpu.kernels import elementary

NAMES = ("exp", "sigmoid", "tanh", "softplus", "softplus_tail", "log")
FLUSHED = ("exp", "sigmoid", "softplus", "softplus_tail")
DTYPES = (np.float32, np.float64)
MAX_ULP = 4
EXACT = mpmath.MPContext()
EXACT.dps = 40
MANTISSA = {np.float32: 23, np.float64: 52}
INTEGER = {np.float32: np.int32, np.float64: np.int64}
EVERY_FUNCTION = pytest.mark.parametrize("name", NAMES)
EVERY_DTYPE = pytest.mark.parametrize("dtype", DTYPES)
ON_X86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 instructions"
)

# Writes the results of every function, in both dtypes, as an old processor computes them.
ON_ANOTHER_PROCESSOR = """
import sys
import numba, numpy as np
from samplewise_backends.numba_cpu.compile import lowering_formulas
from samplewise_backends.numba_cpu.kernels import elementary
given, written = np.load(sys.argv[1]), {}
for key, z in given.items():
    function = getattr(elementary, key.split()[0])
    @numba.njit(error_model="numpy")
    def over(z, out):
        for i in range(z.shape[0]):
            out[i] = function(z[i])
    written[key] = np.empty_like(z)
    over(z, written[key])
    assert "vfm" not in "".join(over.inspect_asm().values())
np.savez(sys.argv[2], **written)
"""


@cache
def exactly(name, x):
    """The function of a finite float, to 40 digits."""
    # Beyond 10^4 nothing changes but the exponent of the answer.
    x, at = EXACT.mpf(float(x)), EXACT.mpf(max(-1e4, min(1e4, float(x))))
    if name == "exp":
        return EXACT.exp(at)
    if name == "sigmoid":
        return 1 / (1 + EXACT.exp(-at))
    if name == "tanh":
        return EXACT.tanh(at)
    if name == "log":
        return EXACT.log(x)
    tail = EXACT.log1p(EXACT.exp(-abs(at)))
    return x + tail if name == "softplus" and x > 0 else tail


def error_in_ulp(name, x, got):
    """The distance from the exact value in units of its last place; inf for a wrong kind."""
    details = np.finfo(got.dtype)
    want = exactly(name, x)
    if want > float(details.max):
        return 0.0 if got == np.inf else np.inf
    if name in FLUSHED and want < float(details.smallest_normal):
        return 0.0 if got == 0 and not np.signbit(got) else np.inf
    if not np.isfinite(got):
        return np.inf
    exponent = max(EXACT.frexp(want)[1] - 1, int(details.minexp))
    error = abs(EXACT.mpf(float(got)) - want)
    return float(EXACT.ldexp(error, details.nmant - exponent))


def assert_accurate(name, points, results):
    errors = [error_in_ulp(name, x, got) for x, got in zip(points, results, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= MAX_ULP, (name, points[worst], results[worst])


@cache
def compiled(name, reordered=False):
    """Return z, out -> None, compiled: out[i] <- function(z[i])."""
    function = getattr(elementary, name)
    flags = set(jit.REORDERED) if reordered else False

    @numba.njit(error_model="numpy", fastmath=flags)
    def over(z, out):
        for i in range(z.shape[0]):
            out[i] = function(z[i])

    return over


def applied(name, points):
    out = np.empty_like(points)
    compiled(name)(points, out)
    return out


def every_exponent(dtype):
    """Powers of 2, their neighbours, and numbers between, subnormal or not, in one of the signs."""
    mantissa = MANTISSA[dtype]
    exponents = np.arange((1 << (np.finfo(dtype).bits - 1 - mantissa)) - 1, dtype=np.int64)
    rng = np.random.default_rng(1)
    within = rng.integers(0, 1 << mantissa, size=(exponents.size, 2))
    within[:, 0] = rng.choice((0, 1, (1 << mantissa) - 1), size=exponents.size)
    patterns = (exponents[:, None] << mantissa) | within
    positive = patterns.astype(INTEGER[dtype]).view(dtype).ravel()
    return positive * rng.choice((-1, 1), size=positive.size).astype(dtype)


def dense(dtype):
    """The points where the value lives, and those around the ends of each reduced interval."""
    rng = np.random.default_rng(2)
    far = 720 if dtype is np.float64 else 92
    halves = np.arange(-2 * far, 2 * far, 3) * (np.log(2) / 2)
    drawn = (
        *(rng.uniform(-reach, reach, 200) for reach in (far, 40, 18, 2)),
        rng.normal(0, 0.05, 250),
        halves + rng.normal(0, 1e-4, halves.size),
        1 + rng.normal(0, 1e-3, 200),
    )
    return np.concatenate(drawn).astype(dtype)


def points(name, dtype):
    drawn = np.concatenate([every_exponent(dtype), dense(dtype)])
    return np.abs(drawn[drawn != 0]) if name == "log" else drawn


@EVERY_FUNCTION
@EVERY_DTYPE
def test_results_are_within_4_ulp_of_mpmath(name, dtype):
    drawn = points(name, dtype)
    assert_accurate(name, drawn, applied(name, drawn))


def test_results_are_within_4_ulp_without_fused_multiply_add(tmp_path):
    drawn = {
        f"{name} {dtype.__name__}": points(name, dtype)[::8] for name in NAMES for dtype in DTYPES
    }
    np.savez(tmp_path / "given.npz", **drawn)
    files = [str(tmp_path / "given.npz"), str(tmp_path / "written.npz")]
    settings = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    subprocess.run(
        [sys.executable, "-c", ON_ANOTHER_PROCESSOR, *files],
        check=True,
        env=os.environ | settings,
        timeout=120,
    )
    with np.load(files[1]) as written:
        for key, z in drawn.items():
            assert_accurate(key.split()[0], z, written[key])


@EVERY_FUNCTION
def test_a_quarter_of_a_million_float32_are_within_4_ulp_of_float64(name):
    with np.errstate(all="ignore"):
        z = np.arange(0, 1 << 32, 16411, dtype=np.uint64).astype(np.uint32).view(np.float32)
        z = z[np.isfinite(z)]
        z = z[z > 0] if name == "log" else z
        x = z.astype(np.float64)
        tail = np.log1p(np.exp(-abs(x)))
        want = {
            "exp": lambda: np.exp(x),
            "sigmoid": lambda: np.exp(np.minimum(x, 0)) / (1 + np.exp(-abs(x))),
            "tanh": lambda: np.tanh(x),
            "softplus": lambda: np.maximum(x, 0) + tail,
            "softplus_tail": lambda: tail,
            "log": lambda: np.log(x),
        }[name]()
        rounded = want.astype(np.float32)
        if name in FLUSHED:
            want[abs(want) < np.finfo(np.float32).smallest_normal] = 0
        got = applied(name, z)
        ulp = np.spacing(abs(np.minimum(rounded, np.finfo(np.float32).max))).astype(np.float64)
        error = abs(got - want) / ulp
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(got[~finite], rounded[~finite])
    # NumPy's own error, and the ulp of a value rounded up to a power of 2.
    assert error[finite].max() <= MAX_ULP + 1e-6, z[finite][error[finite].argmax()]


@EVERY_FUNCTION
@EVERY_DTYPE
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_float_is_within_4_ulp_or_ieee(name, dtype, data):
    lowest = 0.0 if name == "log" else None
    width = np.finfo(dtype).bits
    drawn = data.draw(st.lists(st.floats(min_value=lowest, width=width), min_size=1, max_size=70))
    z = np.array(drawn, dtype)
    got = applied(name, z)
    assert np.array_equal(np.isnan(got), np.isnan(z))
    finite = np.isfinite(z) & ((z != 0) | (name != "log"))
    if finite.any():
        assert_accurate(name, z[finite], got[finite])


INF, NAN = np.inf, np.nan
SPECIAL = {
    "exp": ((INF, INF), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0)),
    "sigmoid": ((INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-0.0, 0.5)),
    "tanh": ((INF, 1.0), (-INF, -1.0)),
    "softplus": ((INF, INF), (-INF, 0.0)),
    "softplus_tail": ((INF, 0.0), (-INF, 0.0)),
    "log": (
        (INF, INF),
        (-INF, NAN),
        (-1.0, NAN),
        (-1e-30, NAN),
        (0.0, -INF),
        (-0.0, -INF),
        (1.0, 0.0),
    ),
}


@EVERY_FUNCTION
@EVERY_DTYPE
def test_infinities_and_zeros_give_what_ieee_says(name, dtype):
    arguments, want = np.array(SPECIAL[name], dtype).T
    got = applied(name, arguments.copy())
    np.testing.assert_array_equal(got, want)
    assert np.array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))


@EVERY_DTYPE
@pytest.mark.parametrize("reordered", [False, True])
def test_tanh_keeps_the_sign_of_zero_and_the_tiniest_numbers(dtype, reordered):
    tiny = np.array([0.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny], dtype)
    z = np.concatenate([tiny, -tiny])
    out = np.empty_like(z)
    compiled("tanh", reordered)(z, out)
    assert out.tobytes() == z.tobytes()


@EVERY_FUNCTION
@EVERY_DTYPE
@pytest.mark.parametrize("reordered", [False, True])
def test_every_nan_stays_nan(name, dtype, reordered):
    mantissa = MANTISSA[dtype]
    quiet = ((1 << (np.finfo(dtype).bits - 1)) - 1) ^ ((1 << (mantissa - 1)) - 1)
    patterns = np.array([quiet | low for low in (0, 1, 5, 0xFF, (1 << (mantissa - 1)) - 1)])
    positive = patterns.astype(INTEGER[dtype]).view(dtype)
    z = np.concatenate([positive, -positive, positive, -positive])
    assert np.isnan(z).all()
    out = np.zeros_like(z)
    compiled(name, reordered)(z, out)
    assert np.isnan(out).all()


@pytest.mark.parametrize("name", FLUSHED)
@EVERY_DTYPE
def test_no_result_is_subnormal(name, dtype):
    smallest = np.finfo(dtype).smallest_normal
    edge = dtype(np.log(np.float64(smallest)))
    steps = np.arange(-2000, 2000) * np.spacing(abs(edge))
    z = np.concatenate([edge + steps, np.linspace(edge - 50, edge + 3, 2000)]).astype(dtype)
    got = applied(name, z)
    assert ((got == 0) | (got >= smallest)).all()
    assert (got == 0).any()
    assert (got > 0).any()


@EVERY_DTYPE
def test_exp_is_finite_up_to_the_logarithm_of_the_greatest_float(dtype):
    greatest = np.finfo(dtype).max
    highest = dtype(float(EXACT.log(float(greatest))))
    while EXACT.exp(float(highest)) > float(greatest):
        highest = np.nextafter(highest, dtype(0))
    z = np.array([highest, np.nextafter(highest, dtype(np.inf))])
    got = applied("exp", z)
    assert np.isfinite(got[0])
    assert got[1] == np.inf


@EVERY_FUNCTION
def test_float32_is_never_computed_in_float64(name):
    function = getattr(elementary, name)

    @numba.njit
    def one(z):
        return function(z)

    one(np.float32(0.5))
    assert one.nopython_signatures[0].return_type == numba.float32
    own = re.search(
        r"^define [^\n]*@_ZN(?!7cpython).*?^}", one.inspect_llvm(one.signatures[0]), re.M | re.S
    )
    assert "float" in own[0]
    assert "double" not in own[0]


@EVERY_FUNCTION
@EVERY_DTYPE
def test_in_python_the_functions_are_numpy_and_as_accurate(name, dtype):
    z = points(name, dtype)[::40]
    function = getattr(elementary, name)
    with np.errstate(all="raise"):
        got = function(z)
        scalar = function(z[0])
    assert got.dtype == dtype
    assert type(scalar) is dtype
    assert scalar == got[0]
    assert_accurate(name, z, got)


@EVERY_FUNCTION
def test_only_floats_are_taken(name):
    with pytest.raises(numba.TypingError):
        compiled(name)(np.ones(3, np.int64), np.ones(3))


def for_arrays_of(dtype, inspected):
    """Of a text a signature, the one for arrays of this dtype."""
    kind = numba.from_dtype(np.dtype(dtype))
    (text,) = (text for types, text in inspected.items() if types[0].dtype == kind)
    return text


def is_vectorised(over, dtype):
    # Of the function itself; the wrapper that Python calls comes after it.
    instructions = for_arrays_of(dtype, over.inspect_asm()).split("_ZN7cpython")[0]
    kind = "ps" if dtype is np.float32 else "pd"
    packed = re.search(rf"\bv?(mul|fn?m(add|sub)\d*){kind}\b", instructions)
    return bool(packed) and "call" not in instructions


@ON_X86
@EVERY_FUNCTION
@EVERY_DTYPE
def test_a_loop_becomes_packed_instructions(name, dtype):
    over = compiled(name)
    over(np.ones(4, dtype), np.ones(4, dtype))
    assert is_vectorised(over, dtype)


@ON_X86
def test_a_loop_over_libm_is_told_apart():
    @numba.njit
    def over(z, out):
        for i in range(z.shape[0]):
            out[i] = np.exp(z[i]) * z[i]

    over(np.ones(4), np.ones(4))
    assert not is_vectorised(over, np.float64)


@EVERY_FUNCTION
@EVERY_DTYPE
def test_the_flags_of_a_kernel_do_not_reach_the_formulas_inside_it(name, dtype):
    z = dense(dtype)
    out = np.empty_like(z)
    over = compiled(name, reordered=True)
    over(z, out)
    code = for_arrays_of(dtype, over.inspect_llvm())
    assert re.search(r"= f(mul|add) contract ", code)
    assert "reassoc" not in code
    assert out.tobytes() == applied(name, z).tobytes()


def test_a_kernel_s_own_flags_are_seen_by_that_check():
    @numba.njit(fastmath=set(jit.REORDERED))
    def own(z, out):
        out[0] = z[0] * z[0] + z[1]

    own(np.ones(4), np.ones(4))
    assert "reassoc" in own.inspect_llvm(own.signatures[0])
