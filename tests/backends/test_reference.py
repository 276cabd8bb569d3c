"""The specification itself: its update rule against the formulas, written out another way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps
from samplewise.network import SGD
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.factors import LINEAR_OPTIMIZERS
from samplewise.testing.problems import problem
from samplewise.testing.rungs import central_difference
from samplewise_backends import reference

CASE = dense_case(3, (4, 2), 2, "tanh", batch_size=3, rows=3)
ALLOWED = tolerances.after_steps(10, "float64")


def steps_of(case, count):
    """Return the state after some steps on all rows, and the mean gradients that they saw."""
    drawn, program = problem(case), runs.program_of(registry.load("reference"), case)
    state, gradients = drawn.state(), []
    window = Steps(np.arange(case.rows), 0, case.rows, case.rows, drawn.learning_rate)
    for _ in range(count):
        gradients.append(program.gradients(state.parameters, drawn.X, drawn.Y)[1])
        program.run_epoch(state, drawn.X, drawn.Y, window, np.zeros(case.rows))
    return state, gradients


def agrees(what, got, want):
    measure = measures.layers(what, CASE.network.layout, got, want, ALLOWED)
    assert all(part.passed for part in measure), [str(part) for part in measure]


def test_plain_sgd_takes_the_sum_of_all_gradients():
    state, gradients = steps_of(CASE, 4)
    start, eta = problem(CASE).parameters, CASE.learning_rate
    agrees("weights", state.parameters, start - eta * np.sum(gradients, axis=0))


def test_a_velocity_is_the_sum_of_gradients_that_fade():
    """v_n = mu^n v_0 + sum of mu^(n-k) g_k, and theta_n = theta_0 - eta sum of v_k."""
    case, mu = replace(CASE, optimizer=SGD(momentum=0.7)), 0.7
    state, gradients = steps_of(case, 4)
    drawn = problem(case)
    velocities = [
        mu**n * drawn.optimizer_state + sum(mu ** (n - 1 - k) * gradients[k] for k in range(n))
        for n in range(1, 5)
    ]
    agrees("velocity", state.optimizer_state, velocities[-1])
    moved = drawn.parameters - case.learning_rate * np.sum(velocities, axis=0)
    agrees("weights", state.parameters, moved)


def test_nesterov_is_momentum_seen_one_step_ahead():
    """With phi = theta + eta mu v it is plain momentum on phi, with the gradient taken at theta."""
    mu = 0.7
    case = replace(CASE, optimizer=SGD(momentum=mu, nesterov=True))
    drawn, eta = problem(case), case.learning_rate
    state, gradients = steps_of(case, 3)
    velocity = drawn.optimizer_state
    phi = drawn.parameters + eta * mu * velocity
    for gradient in gradients:
        velocity = mu * velocity + gradient
        phi = phi - eta * velocity
    agrees("weights", state.parameters, phi - eta * mu * velocity)


def test_l2_steps_along_the_slope_of_the_penalised_loss():
    """l2/2 |W|^2 over the weights is added to the mean loss of a batch, whatever its size."""
    l2 = 0.3
    case = replace(CASE, optimizer=SGD(l2=l2))
    drawn, layout = problem(case), case.network.layout

    def penalised(theta):
        loss, _ = program.gradients(theta, drawn.X, drawn.Y)
        views = layout.views(theta)
        weights = [view for name, view in views.items() if name.endswith("weight")]
        return loss + l2 / 2 * sum(float((W * W).sum()) for W in weights)

    program = runs.program_of(registry.load("reference"), case)
    slope = central_difference(penalised, drawn)
    state, _ = steps_of(case, 1)
    moved = (drawn.parameters - state.parameters) / case.learning_rate
    allowed = tolerances.tolerance("central_difference", "float64")
    for measure in measures.layers("step", layout, moved, slope, allowed):
        assert measure.passed, str(measure)


@pytest.mark.parametrize("rule", LINEAR_OPTIMIZERS[1:], ids=str)
def test_the_gaps_of_the_layout_stay_zero(rule):
    state, _ = steps_of(replace(CASE, optimizer=rule), 3)
    for vector in (state.parameters, *state.optimizer_state.reshape(-1, CASE.network.layout.size)):
        for view in CASE.network.layout.views(vector).values():
            view[...] = 0
        assert not vector.any()


def test_the_specification_is_short_enough_to_read_in_one_sitting():
    room = Path(reference.__file__).parent
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in room.rglob("*.py"))
    assert lines < 850
