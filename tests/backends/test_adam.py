"""Adam's passes: the formula, whatever a pass takes along and however parameters are cut."""

import itertools

import numpy as np
import pytest

from samplewise.network import Adam
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers

EVERY_DTYPE = pytest.mark.parametrize("dtype", ["float32", "float64"])
UNITS, INPUTS = 7, 48
COUNT = UNITS * INPUTS
STEP = 30
RATE, STEP_L2 = 0.01, 0.02
# Roundings of one step, each at most half a unit in the last place of what it is added to.
ROUNDINGS = 8
INF, NAN = np.inf, np.nan


class Given:
    """Parameters, averages and a gradient dz x^T, or another one of as many entries."""

    def __init__(self, dtype, count=COUNT, inputs=INPUTS):
        rng = np.random.default_rng(4)
        self.dtype = np.dtype(dtype)
        self.theta, self.mean = rng.standard_normal((2, count)).astype(dtype)
        self.square = rng.random(count).astype(dtype)
        self.x = rng.standard_normal(inputs).astype(dtype)
        self.dz = rng.standard_normal(count // inputs).astype(dtype)
        self.g = np.outer(self.dz, self.x).ravel()

    def stepped(self, optimizer, *, l2=0.0, outer=False, cuts=()):
        """Return parameters, averages, and the squares of the parameters before, after a step."""
        count = len(self.theta)
        theta, slots = self.theta.copy(), np.concatenate([self.mean, self.square])
        gradient = np.full(count, np.nan, self.dtype) if outer else self.g.copy()
        call = Call(update, self.dtype)
        call.set(parameters=theta, size=count, slots=slots, slots_size=2 * count, step=STEP)
        call.set(gradient=gradient, gradient_size=count, tiny=np.finfo(self.dtype).tiny)
        hyper, updated = call.inner("hyper"), call.inner("updated")
        describe_optimizers(hyper, [optimizer])
        hyper.set(rate=RATE, step_l2=l2)
        if outer:
            updated.set(inputs=len(self.x), dz=self.dz, x=self.x)
        edges = [0, *cuts, count]
        for first, end in itertools.pairwise(edges):
            updated.set(first=first, count=end - first, gradient=first, penalised=1)
            call()
        return theta, slots[:count], slots[count:], float(call.memory["squares"][0])

    def by_formula(self, optimizer, l2=0.0):
        """Return parameters and averages after a step, in extended precision."""
        theta, mean, square, g = (
            vector.astype(np.longdouble) for vector in (self.theta, self.mean, self.square, self.g)
        )
        # The shares as kernels have them: numbers of the dtype.
        new, new_square = (
            np.longdouble(self.dtype.type(1 - beta)) for beta in (optimizer.beta1, optimizer.beta2)
        )
        slope = g + np.longdouble(self.dtype.type(l2 + optimizer.l2)) * theta
        m = (1 - new) * mean + new * slope
        v = (1 - new_square) * square + new_square * slope**2
        mean_hat, hat = m / (1 - (1 - new) ** (STEP + 1)), v / (1 - (1 - new_square) ** (STEP + 1))
        root = np.sqrt(hat) + optimizer.epsilon
        if optimizer.epsilon_hat:
            root = (np.sqrt(v) + optimizer.epsilon) / np.sqrt(1 - (1 - new_square) ** (STEP + 1))
        return theta - np.longdouble(self.dtype.type(RATE)) * mean_hat / root, m, v


@EVERY_DTYPE
@pytest.mark.parametrize("l2", [0.0, STEP_L2])
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("hat", [False, True])
@pytest.mark.parametrize("own_l2", [0.0, 0.25])
def test_a_step_is_the_formula_to_its_last_bits(dtype, l2, outer, hat, own_l2):
    given, optimizer = Given(dtype), Adam(epsilon=1e-3, epsilon_hat=hat, l2=own_l2)
    *got, squares = given.stepped(optimizer, l2=l2, outer=outer)
    eps = np.finfo(dtype).eps
    for vector, want in zip(got, given.by_formula(optimizer, l2), strict=True):
        error = np.abs(vector.astype(np.longdouble) - want)
        assert (error <= ROUNDINGS / 2 * eps * np.maximum(np.abs(want), 1)).all()
    before = (given.theta.astype(np.longdouble) ** 2).sum() if l2 else 0
    assert abs(squares - before) <= 16 * eps * before


@EVERY_DTYPE
@pytest.mark.parametrize("count", [1, 3, 5, 16, 31, 64, 4096, 4099, 9000])
def test_any_number_of_parameters_is_stepped_in_and_no_more(dtype, count):
    given = Given(dtype, count, 1)
    whole = given.stepped(Adam(), l2=STEP_L2)
    changed = [vector != before for vector, before in zip(whole, vectors_of(given), strict=False)]
    assert all(each.all() for each in changed)
    longer = Given(dtype, count, 1)
    for name in ("theta", "mean", "square", "g"):
        setattr(longer, name, np.append(getattr(given, name), getattr(given, name)[:9]))
    cut = longer.stepped(Adam(), l2=STEP_L2, cuts=[count])
    for vector, want in zip(cut, whole[:3], strict=False):
        np.testing.assert_array_equal(vector[:count], want)


def vectors_of(given):
    return given.theta, given.mean, given.square


@EVERY_DTYPE
@pytest.mark.parametrize("l2", [0.0, STEP_L2])
def test_bits_do_not_depend_on_how_parameters_are_cut(dtype, l2):
    given = Given(dtype)
    *whole, squares = given.stepped(Adam(), l2=l2)
    *cut, again = given.stepped(Adam(), l2=l2, cuts=[1, 4, 21, 50, 51, 200])
    for vector, want in zip(cut, whole, strict=True):
        np.testing.assert_array_equal(vector, want)
    assert squares == pytest.approx(again, rel=8 * float(np.finfo(dtype).eps))


@EVERY_DTYPE
@pytest.mark.parametrize("inputs", [1, 5, 24, 49, 784, 5000])
def test_the_gradient_of_a_row_need_not_be_written(dtype, inputs):
    given = Given(dtype, 6 * inputs, inputs)
    for l2 in (0.0, STEP_L2):
        *written, squares = given.stepped(Adam(), l2=l2)
        *formed, again = given.stepped(Adam(), l2=l2, outer=True)
        for vector, want in zip(formed, written, strict=True):
            np.testing.assert_allclose(vector, want, rtol=0, atol=4 * np.finfo(dtype).eps)
        assert squares == pytest.approx(again, rel=32 * float(np.finfo(dtype).eps))


@EVERY_DTYPE
@pytest.mark.parametrize(
    "options", [{"l1": 0.01}, {"weight_decay": 0.1}, {"clip_value": 0.2}], ids=str
)
def test_what_passes_do_not_know_is_done_before_them(dtype, options):
    given, optimizer = Given(dtype), Adam(**options)
    *written, squares = given.stepped(optimizer, l2=STEP_L2)
    *formed, again = given.stepped(optimizer, l2=STEP_L2, outer=True)
    for vector, want in zip(formed, written, strict=True):
        np.testing.assert_array_equal(vector, want)
    assert squares == again
    plain = given.stepped(Adam(), l2=STEP_L2)
    assert not np.array_equal(written[0], plain[0])
    assert squares == pytest.approx(plain[3], rel=16 * float(np.finfo(dtype).eps))


# Of a turn's vectors, some take their roots as the scalars do, others by multiply-adds.
EVERY_VECTOR = pytest.mark.parametrize("first", [0, 8, 16, 24])


@EVERY_DTYPE
@EVERY_VECTOR
@pytest.mark.parametrize("outer", [False, True])
def test_no_nan_and_no_infinity_is_hidden(dtype, outer, first):
    given = Given(dtype)
    given.x[first : first + 3] = NAN, INF, 0
    given.dz[0] = 1
    given.g = np.outer(given.dz, given.x).ravel()
    theta, mean, square, _ = given.stepped(Adam(), outer=outer)
    is_nan, is_infinite = np.zeros((2, INPUTS), bool)
    is_nan[first], is_infinite[first + 1] = True, True
    by_units = (UNITS, INPUTS)
    np.testing.assert_array_equal(np.isnan(theta.reshape(by_units)[0]), is_nan | is_infinite)
    assert np.isfinite(theta.reshape(by_units)[:, ~(is_nan | is_infinite)]).all()
    assert np.isnan(mean.reshape(by_units)[:, first]).all()
    assert np.isinf(square.reshape(by_units)[:, first + 1]).all()


@EVERY_DTYPE
@EVERY_VECTOR
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("hat", [False, True])
def test_averages_of_any_size_move_a_weight_as_the_formula_says(dtype, outer, first, hat):
    given, limits = Given(dtype), np.finfo(dtype)
    given.x[:], given.dz[:] = 0, 0
    given.g[:] = 0
    many = np.array([INF, -INF, NAN, 0, limits.tiny, limits.max / 8, 1, -1], dtype)
    given.mean[first : first + 64] = np.repeat(many, 8)
    given.square[first : first + 64] = np.tile(np.abs(many), 8)
    optimizer = Adam(epsilon=0.5, epsilon_hat=hat)
    theta, mean, square, _ = given.stepped(optimizer, outer=outer)
    with np.errstate(all="ignore"):
        want, m, s = given.by_formula(optimizer)
        m, s = (np.where(np.abs(each) < limits.tiny, 0, each) for each in (m, s))
        np.testing.assert_allclose(theta, want.astype(dtype), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(mean, m.astype(dtype), rtol=1e-6)
        np.testing.assert_allclose(square, s.astype(dtype), rtol=1e-6)
    assert not mean[first + 32 : first + 40].any()
    assert not square[first + 4 : first + 64 : 8].any()
    # A square too large to be a number moves no weight, unless its mean is too large as well.
    np.testing.assert_array_equal(
        theta[first + 24 : first + 64 : 8], given.theta[first + 24 : first + 64 : 8]
    )
    assert np.isnan(theta[first : first + 24 : 8]).all()


@EVERY_DTYPE
def test_corrections_are_those_of_the_step_and_the_optimizer_at_work(dtype):
    given = Given(dtype)
    theta, slots = given.theta.copy(), np.concatenate([given.mean, given.square])
    call = Call(update, given.dtype)
    call.set(parameters=theta, size=COUNT, slots=slots, slots_size=2 * COUNT)
    call.set(gradient=given.g.copy(), gradient_size=COUNT, tiny=np.finfo(dtype).tiny)
    call.inner("updated").set(count=COUNT)
    hyper = call.inner("hyper")
    for optimizer, steps in ((Adam(beta1=0.5, beta2=0.6), [STEP]), (Adam(), [3, STEP])):
        describe_optimizers(hyper, [optimizer])
        hyper.set(rate=RATE)
        for step in steps:
            theta[:], slots[:COUNT], slots[COUNT:] = given.theta, given.mean, given.square
            call.set(step=step, gradient=given.g.copy())
            call()
    np.testing.assert_array_equal(theta, given.stepped(Adam())[0])


@pytest.mark.parametrize("inputs", [96, 100, 150_000, 300_000])
def test_many_squares_of_float32_are_summed_to_its_rounding(inputs):
    """Inputs of whole vectors and others, of many units and few."""
    given = Given("float32", 300_000, inputs)
    given.theta[:] = np.abs(given.theta)
    squares = (given.theta.astype(np.float64) ** 2).sum()
    for outer in (False, True):
        assert given.stepped(Adam(), l2=STEP_L2, outer=outer)[3] == pytest.approx(squares, rel=1e-6)
