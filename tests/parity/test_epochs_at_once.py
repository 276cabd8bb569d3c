"""The trials of epochs in one call reject programs that run them wrongly."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT, DUAL
from samplewise.network import SGD, Dense, Network
from samplewise.network.losses import MeanSquaredError
from samplewise.testing import epochs_at_once, many, rungs, runs, tolerances, trials
from samplewise.testing.cases import Case
from samplewise_backends.numba_cpu.many import NumbaManyProgram
from samplewise_backends.numba_cpu.program import NumbaProgram

RIGHT = NumbaManyProgram.run_epochs
BACKEND = registry.load("numba_cpu")
TRIALS = [
    trial
    for trial in many.many_trials(BACKEND.capabilities, 2)
    if trial.plan == DUAL and not trial.case.shuffle
]


@pytest.fixture(autouse=True)
def as_the_certificate_does():
    """Trials overflow on the way, and BLAS says so now and then of numbers that nobody reads."""
    with np.errstate(all="ignore"):
        yield


def failures(trial):
    return [str(each) for each in many.many(BACKEND, trial.case, trial.plan) if not each.passed]


def losses_in_reverse(self, states, X, Y, steps, losses, active, stop):
    return RIGHT(self, states, X, Y, steps, losses[::-1], active, stop)


def one_epoch_too_few(self, states, X, Y, steps, losses, active, stop):
    return RIGHT(self, states, X, Y, steps[:-1], losses[:-1], active, stop)


def the_inactive_too(self, states, X, Y, steps, losses, active, stop):
    return RIGHT(self, states, X, Y, steps, losses, range(len(states)), stop)


def steps_not_counted(self, states, X, Y, steps, losses, active, stop):
    ran = RIGHT(self, states, X, Y, steps, losses, active, stop)
    for state in states:
        state.step = 0
    return ran


def deaf(self, states, X, Y, steps, losses, active, stop):
    return RIGHT(self, states, X, Y, steps, losses, active, lambda: False)


def more_than_it_says(self, states, X, Y, steps, losses, active, stop):
    ran = deaf(self, states, X, Y, steps, losses, active, stop)
    return 1 if stop() else ran


def one_after_a_stop_twice(self, states, X, Y, steps, losses, active, stop):
    ran = RIGHT(self, states, X, Y, steps, losses, active, stop)
    if stop():
        RIGHT(self, states, X, Y, steps, losses, active, stop)
    return ran


def test_a_right_program_is_tried_and_passes():
    assert TRIALS
    for trial in TRIALS:
        assert failures(trial) == []
        measured = map(str, many.many(BACKEND, trial.case, trial.plan))
        assert any("epochs at once" in each for each in measured)


def test_a_case_that_overflows_at_any_rate_keeps_its_own_and_the_search_ends(monkeypatch):
    rates = []

    def overflows(case, epochs, shuffle):
        rates.append(case.learning_rate)
        return SimpleNamespace(losses=np.array([np.nan]))

    monkeypatch.setattr(runs, "expected", overflows)
    case = Case(Network((6,), (Dense(3),)), MeanSquaredError(), learning_rate=0.08)
    assert runs.at_finite_rate.__wrapped__(case, 2, True) is case
    assert rates[:2] == [0.08, 0.02]
    assert len(rates) == runs.MOST_RATES


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (losses_in_reverse, "epochs at once: losses"),
        (one_epoch_too_few, "epochs at once"),
        (the_inactive_too, "losses of an inactive network are written"),
        (steps_not_counted, "it counts 0 steps"),
        (deaf, "were run after a stop, not 1"),
        (more_than_it_says, "were run after a stop, not 1"),
        (one_after_a_stop_twice, "2 were run after a stop, not 1"),
    ],
)
def test_a_wrong_program_is_rejected(monkeypatch, wrong, complaint):
    monkeypatch.setattr(NumbaManyProgram, "run_epochs", wrong)
    found = failures(TRIALS[0])
    assert found
    assert all("at once" in each for each in found)
    assert any(complaint in each for each in found)


RIGHT_ALONE = NumbaProgram.run_epochs
NETWORKS = list(trials.networks(BACKEND.capabilities))


def failures_alone(trial):
    return [str(each) for each in rungs.epoch(BACKEND, trial.case, trial.plan) if not each.passed]


def trial_with(*fields):
    return next(each for each in NETWORKS if each.case.step_fields >= set(fields))


def last_order_for_all(self, state, X, Y, steps, losses, stop):
    same = [replace(one, order=steps[-1].order) for one in steps]
    return RIGHT_ALONE(self, state, X, Y, same, losses, stop)


def weights_forgotten(self, state, X, Y, steps, losses, stop):
    same = [replace(one, weights=None) for one in steps]
    return RIGHT_ALONE(self, state, X, Y, same, losses, stop)


def steps_counted_twice(self, state, X, Y, steps, losses, stop):
    ran = RIGHT_ALONE(self, state, X, Y, steps, losses, stop)
    state.step *= 2
    return ran


def deaf_alone(self, state, X, Y, steps, losses, stop):
    return RIGHT_ALONE(self, state, X, Y, steps, losses, lambda: False)


@pytest.mark.parametrize("plan", [AUTO_PLAN, DIRECT, BLOCKED, DUAL])
def test_epochs_of_one_network_at_once_are_tried_by_each_plan(plan):
    case = trial_with().case if plan in (AUTO_PLAN, DIRECT) else TRIALS[0].case.members[0]
    allowed = tolerances.after_training(case.optimizer, 3 * case.steps, case.dtype)
    found = epochs_at_once.epochs_at_once(BACKEND, [case], plan, [allowed])
    assert found
    assert all(each.passed for each in found), list(map(str, found))


def test_a_network_that_overflows_in_the_third_epoch_is_tried_at_a_lower_rate():
    network = Network((6,), (Dense(5, "selu"), Dense(3)))
    loss, rows = MeanSquaredError(), trials.SMALL_ROWS
    case = Case(network, loss, SGD(0.9), rows=rows, learning_rate=0.05)
    finite = [np.isfinite(runs.expected(case, n, True).losses).all() for n in (2, 3)]
    found = rungs.epoch(BACKEND, case, DIRECT)
    assert finite == [True, False]
    assert all(each.passed for each in found), list(map(str, found))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (last_order_for_all, "epochs at once"),
        (weights_forgotten, "epochs at once"),
        (steps_counted_twice, "it counts"),
        (deaf_alone, "were run after a stop, not 1"),
    ],
)
def test_a_wrong_program_of_one_network_is_rejected(monkeypatch, wrong, complaint):
    monkeypatch.setattr(NumbaProgram, "run_epochs", wrong)
    found = failures_alone(trial_with("weights"))
    assert found
    assert all("at once" in each for each in found)
    assert any(complaint in each for each in found)
