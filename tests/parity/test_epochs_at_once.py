"""The trial of epochs in one call rejects programs of many networks that run them wrongly."""

import pytest

from samplewise import registry
from samplewise.contract.plan import DUAL
from samplewise.testing import many
from samplewise_backends.numba_cpu.many import NumbaManyProgram

RIGHT = NumbaManyProgram.run_epochs
BACKEND = registry.load("numba_cpu")
TRIALS = [
    trial
    for trial in many.many_trials(BACKEND.capabilities, 2)
    if trial.plan == DUAL and not trial.case.shuffle
]


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
