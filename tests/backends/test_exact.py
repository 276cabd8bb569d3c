"""The recurrence that backends share: nearest floats, and the same ones in each backend."""

from fractions import Fraction

import numpy as np
import pytest

from samplewise import TrainingSettings, train
from samplewise.errors import DivergenceError
from samplewise.network import SGD, multilayer_perceptron
from samplewise_backends.exact.recurrence import Recurrence
from samplewise_backends.numba_cpu.plans.coefficients import terms
from samplewise_backends.vectorized.coefficients import BlockCoefficients

RATE, STEPS = 0.01, 64
OPTIMIZERS = [
    SGD(l2=0.1),
    SGD(momentum=0.9),
    SGD(momentum=0.9, l2=0.1),
    SGD(momentum=0.5, nesterov=True, l2=0.01),
]


def exact_states(optimizer, weight, velocity, gradients, dtype):
    """Yield weight and velocity after each step, in fractions."""
    numbers = RATE, optimizer.momentum, optimizer.l2
    eta, mu, l2 = (Fraction(float(np.dtype(dtype).type(x))) for x in numbers)
    w, v = Fraction(weight), Fraction(velocity)
    for gradient in gradients:
        g = gradient + l2 * w
        v = mu * v + g
        w -= eta * (g + mu * v if optimizer.nesterov else v)
        yield w, v


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_every_power_and_response_is_the_nearest_float(optimizer, dtype):
    found = Recurrence.of(optimizer, RATE, STEPS, np.dtype(dtype), rate_in_gradient=False)
    size = 2 if optimizer.momentum else 1
    assert found.powers.shape == (STEPS + 1, size, size)
    for start, column in (((1, 0), 0), ((0, 1), 1))[:size]:
        states = exact_states(optimizer, *start, [0] * STEPS, dtype)
        for k, state in enumerate(states, 1):
            assert found.powers[k, :, column].tolist() == [float(x) for x in state[:size]]
    pulse = exact_states(optimizer, 0, 0, [1] + [0] * (STEPS - 1), dtype)
    for k, state in enumerate(pulse):
        assert found.responses[k].tolist() == [float(x) for x in state[:size]]


def test_without_momentum_the_gradient_may_come_multiplied_by_the_rate():
    both = [
        Recurrence.of(SGD(l2=0.1), RATE, 3, np.dtype("float64"), rate_in_gradient=multiplied)
        for multiplied in (True, False)
    ]
    np.testing.assert_allclose(both[0].responses * RATE, both[1].responses, rtol=1e-15)
    assert both[0].responses[0] == -1


def test_a_momentum_that_rounds_to_zero_still_has_a_velocity():
    found = Recurrence.of(SGD(momentum=1e-60), RATE, 2, np.dtype("float32"))
    assert found.powers[1, 1].tolist() == [0, 0]
    assert found.responses[:, 1].tolist() == [1, 0]


@pytest.mark.parametrize(("rate", "dtype"), [(1e39, "float32"), (1e308, "float64")])
def test_coefficients_of_a_huge_rate_are_not_finite_but_no_error(rate, dtype):
    with np.errstate(over="ignore"):
        found = Recurrence.of(SGD(momentum=0.9, l2=1e300), rate, 4000, np.dtype(dtype))
    assert not np.isfinite(found.powers).all()


@pytest.mark.parametrize(
    ("backend", "plan"),
    [("numba_cpu", "dual"), ("numba_cpu", "blocked"), ("vectorized", "blocked")],
)
def test_a_rate_too_large_for_float32_diverges(backend, plan):
    X = np.random.default_rng(0).standard_normal((8, 9))
    chosen = {"dtype": "float32", "learning_rate": 1e39, "momentum": 0.9}
    settings = TrainingSettings.from_options(backend=backend, plan=plan, **chosen)
    with pytest.raises(DivergenceError, match="became nan in epoch 1 at sample 2 of 8"):
        train(multilayer_perceptron(9, (4,), 1), X, X[:, 0] > 0, settings)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_backends_train_by_these_numbers(dtype):
    dtype, ld = np.dtype(dtype), 16
    optimizers, rates, units = OPTIMIZERS[1:], (0.01, 0.1, 0.03), (3, 2, 4)
    table = terms(optimizers, rates, units, ld, STEPS, dtype)
    first = 0
    for optimizer, rate, width in zip(optimizers, rates, units, strict=True):
        exact = Recurrence.of(optimizer, rate, STEPS, dtype)
        for column in range(first, first + width):
            np.testing.assert_array_equal(
                table.powers[:, :, column].T, exact.powers.reshape(-1, 4).astype(dtype)
            )
            np.testing.assert_array_equal(table.lags[:, :, column].T, exact.responses.astype(dtype))
        block = BlockCoefficients(optimizer, STEPS, 1, dtype)
        block.at(rate)
        np.testing.assert_array_equal(
            block.end(STEPS).powers, table.powers[:, STEPS, first].reshape(2, 2)
        )
        first += width
    assert not table.powers[:, :, first:].any()


def test_coefficients_that_trainings_share_cannot_be_written():
    found, again = (Recurrence.of(SGD(l2=0.1), RATE, 3, np.dtype("float64")) for _ in range(2))
    assert np.shares_memory(found.powers, again.powers)
    for array in (found.powers, found.responses):
        assert not array.flags.writeable
