"""Steps on tiles of a gradient: the formula in every weight, and nothing beyond."""

from types import SimpleNamespace

import numpy as np
import pytest

from samplewise.network import SGD, Adam
from samplewise_backends.numba_cpu.compile import vectors
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels import stepped_tiles
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.stepped_tiles import (
    SIZE,
    step_in_tiles,
    units_in_tiles,
)
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
PLAIN, MOMENTUM, NESTEROV = SGD(), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True)
ADAM = Adam(epsilon=1e-3)
OPTIMIZERS = pytest.mark.parametrize("optimizer", [PLAIN, MOMENTUM, NESTEROV, ADAM], ids=str)
RATE, STEP, FIRST, BEHIND = 0.1, 4, 16, 40
# Roundings of a step beside those of its sums, each at most half a unit in the last place.
ROUNDINGS = 8
INF, NAN, TINY = np.inf, np.nan, np.finfo("float32").tiny


class Given:
    """A layer's weights and slots between others that no step may touch, and a batch."""

    def __init__(self, dtype, units=10, inputs=48, rows=5):
        rng = np.random.default_rng(rows)
        self.dtype, self.units, self.inputs = np.dtype(dtype), units, inputs
        self.shape = self.units, inputs
        self.theta, self.slot, self.second = rng.standard_normal(
            (3, FIRST + self.units * inputs + BEHIND)
        ).astype(dtype)
        self.second = np.abs(self.second)
        # A batch has more columns than rows, which compute anything, and inputs more than theirs.
        self.dz = np.full((self.units, rows + 3), NAN, dtype)
        self.dz[:, :rows] = rng.standard_normal((self.units, rows))
        self.x = np.full((rows, inputs + 16), NAN, dtype)
        self.x[:, :inputs] = rng.standard_normal((rows, inputs))

    def stepped(self, optimizer):
        """Return parameters, and slots as two vectors, after the step."""
        theta, slots = self.theta.copy(), np.concatenate([self.slot, self.second])
        call, size = Call(step_in_tiles, self.dtype), len(theta)
        net = call.inner("network")
        net.set(parameters=theta, size=size, slots=slots, slots_size=2 * size, step=STEP)
        room = np.full(SIZE * LANES, NAN, self.dtype)
        net.set(tiny=np.finfo(self.dtype).tiny, gradient=room, gradient_size=len(room))
        describe_optimizers(net.inner("hyper"), [optimizer])
        net.inner("hyper").set(rate=RATE)
        net.inner("updated").set(first=FIRST)
        tiles, (rows, b_ld) = call.inner("tiles"), self.x.shape
        tiles.set(a=self.dz, a_unit=self.dz.shape[1], b=self.x, b_ld=b_ld, inner=rows)
        tiles.set(units=self.units, columns=self.inputs)
        call()
        return theta, slots[:size], slots[size:]

    def of_layer(self, vector):
        """Return the part of the layer, (units, inputs)."""
        return vector[FIRST : FIRST + self.units * self.inputs].reshape(self.shape)

    def by_formula(self, optimizer):
        """Return the layer's weights and slots after the step, in extended precision."""
        exact = np.longdouble
        w, slot, second = (
            self.of_layer(each).astype(exact) for each in (self.theta, self.slot, self.second)
        )
        rows, rate = len(self.x), exact(self.dtype.type(RATE))
        g = self.dz[:, :rows].astype(exact) @ self.x[:, : self.inputs].astype(exact)
        if isinstance(optimizer, Adam):
            new, new_square = (
                exact(self.dtype.type(1 - beta)) for beta in (optimizer.beta1, optimizer.beta2)
            )
            slot = (1 - new) * slot + new * g
            second = (1 - new_square) * second + new_square * g**2
            mean, square = (
                each / (1 - (1 - share) ** (STEP + 1))
                for each, share in ((slot, new), (second, new_square))
            )
            return w - rate * mean / (np.sqrt(square) + optimizer.epsilon), slot, second
        if optimizer.momentum:
            slot = exact(self.dtype.type(optimizer.momentum)) * slot + g
            ahead = g + exact(self.dtype.type(optimizer.momentum)) * slot
            g = ahead if optimizer.nesterov else slot
        return w - rate * g, slot, second


@DTYPES
@OPTIMIZERS
@pytest.mark.parametrize("inputs", [16, 32, 48, 80])
@pytest.mark.parametrize(("units", "rows"), [(4, 1), (12, 2), (10, 16), (6, 37), (14, 7)])
def test_a_step_is_the_formula_in_every_weight_and_nowhere_else(
    dtype, optimizer, inputs, units, rows
):
    given = Given(dtype, units, inputs, rows)
    eps = np.finfo(dtype).eps
    before = given.theta, given.slot, given.second
    # A square in Adam's average has the error of its gradient twice.
    of_sums = np.abs(given.dz[:, :rows]) @ np.abs(given.x[:, :inputs])
    allowed = (ROUNDINGS / 2 + 2 * rows) * eps * (1 + of_sums + of_sums**2)
    for got, want, old in zip(
        given.stepped(optimizer), given.by_formula(optimizer), before, strict=True
    ):
        assert (np.abs(given.of_layer(got) - want) <= allowed).all()
        np.testing.assert_array_equal(got[:FIRST], old[:FIRST])
        np.testing.assert_array_equal(got[-BEHIND:], old[-BEHIND:])


@pytest.mark.parametrize("inputs", [8, 16, 40])
@pytest.mark.parametrize("rows", [3, 13, 24])
@pytest.mark.parametrize("optimizer", [MOMENTUM, ADAM], ids=str)
def test_a_step_beside_other_sums_has_the_bits_of_one_behind_its_own(
    monkeypatch, optimizer, inputs, rows
):
    given = Given("float32", inputs=inputs, rows=rows)
    found = []
    for is_wide in (True, False):
        monkeypatch.setattr(vectors._InPython, "is_wide", is_wide)
        theta, slot, second = (
            given.of_layer(of).flatten() for of in (given.theta, given.slot, given.second)
        )
        batch = given.dz.ravel(), given.dz.shape[1], given.x, inputs
        if optimizer is ADAM:
            room = np.full(SIZE * LANES, NAN, "float32")
            numbers = np.linspace(0.1, 0.7, 7, dtype="float32")
            stepped_tiles._adam(theta, slot, second, *batch, room, *numbers, TINY, 0)
        else:
            hyper = SimpleNamespace(rate=np.float32(RATE), momentum=np.float32(0.9))
            stepped_tiles._momentum(theta, slot, *batch, hyper, TINY)
        found.append((theta, slot, second))
    np.testing.assert_array_equal(*found)


@DTYPES
@OPTIMIZERS
@pytest.mark.parametrize("special", [NAN, INF, -INF])
def test_a_nan_or_infinity_reaches_all_weights_that_it_should_and_no_other(
    dtype, optimizer, special
):
    for unit in range(Given(dtype).units):
        given = Given(dtype)
        given.dz[unit, 2] = special
        theta = given.of_layer(given.stepped(optimizer)[0])
        assert not np.isfinite(theta[unit]).any()
        assert np.isfinite(np.delete(theta, unit, axis=0)).all()
    for column in range(48):
        given = Given(dtype)
        given.x[1, column] = special
        theta = given.of_layer(given.stepped(optimizer)[0])
        assert not np.isfinite(theta[:, column]).any()
        assert np.isfinite(np.delete(theta, column, axis=1)).all()


@pytest.mark.parametrize(
    ("units", "taken"), [(0, 0), (3, 0), (5, 4), (7, 6), (9, 8), (11, 10), (128, 128)]
)
def test_tiles_leave_one_unit_at_most_but_of_few(units, taken):
    assert units_in_tiles(units) == taken


@DTYPES
@pytest.mark.parametrize("optimizer", [MOMENTUM, NESTEROV, ADAM], ids=str)
def test_a_slot_that_fades_is_set_to_0_before_it_is_subnormal(dtype, optimizer):
    given = Given(dtype)
    given.dz[:], given.slot[:], given.second[:] = 0, np.finfo(dtype).tiny, np.finfo(dtype).tiny
    theta, slot, second = given.stepped(optimizer)
    assert not given.of_layer(slot).any()
    assert optimizer is not ADAM or not given.of_layer(second).any()
    np.testing.assert_array_equal(theta, given.theta)


@DTYPES
@OPTIMIZERS
def test_a_step_leaves_subnormal_numbers_to_its_caller_as_they_were(dtype, optimizer):
    half = np.full(64, np.finfo(dtype).tiny) / 2
    Given(dtype).stepped(optimizer)
    np.testing.assert_array_equal(np.full(64, np.finfo(dtype).tiny) / 2, half)
    assert (half > 0).all()
