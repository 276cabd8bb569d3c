"""The cases of the kit are what they are meant to be: calm, at their edge, and not at rest."""

import numpy as np
import pytest
from comparability import kink_distance

from samplewise import registry
from samplewise.contract import RATES
from samplewise.network import SGD
from samplewise.testing import ladder, runs, tolerances
from samplewise.testing.problems import problem, reference_program

REFERENCE = registry.load("reference").capabilities


@pytest.mark.parametrize("rung", ["epoch", "run"])
def test_calm_cases_are_calm(rung):
    """Only then does a tolerance on them say something."""
    for trial in ladder.trials_of(rung, REFERENCE):
        case = trial.case
        if case.edge or case.dtype == "float32" or not isinstance(case.optimizer, SGD):
            continue
        trained = runs.expected(case, 1, True)
        assert np.isfinite(trained.parameters).all(), str(case)
        assert np.isfinite(trained.losses).all(), str(case)
        if rung == "run":
            assert runs.yardstick(case) < tolerances.CALM_YARDSTICK, str(case)


def edge_cases():
    trials = ladder.trials_of("kernel", REFERENCE)
    return list(dict.fromkeys(trial.case for trial in trials if trial.case.edge))


@pytest.mark.parametrize(
    "case", [case for case in edge_cases() if case.edge.startswith("saturated")], ids=str
)
def test_saturated_logits_have_the_loss_that_arithmetic_says(case):
    """A right answer costs nothing, a wrong one its distance from the right logit."""
    drawn = problem(case)
    program = reference_program(drawn.network, drawn.loss, drawn.dtype)
    loss, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    Z = program.predict(drawn.parameters, drawn.X).astype(np.float64)
    if case.edge.endswith("right"):
        assert loss == 0
        assert not gradient.any()
        return
    several = Z.max(axis=1) - (drawn.Y * Z).sum(axis=1)
    wanted = np.abs(Z[:, 0]) if Z.shape[1] == 1 else several
    allowed = tolerances.tolerance("forward", case.dtype)
    assert wanted.min() >= 1000 * (1 - allowed.relative)
    assert loss == pytest.approx(wanted.mean(), rel=allowed.relative)


def test_the_kink_cases_meet_zero_exactly():
    found = [case for case in edge_cases() if case.edge == "ReLU at 0"]
    assert found
    assert all(kink_distance(problem(case)) == 0 for case in found)


def test_a_state_that_is_trained_on_is_not_at_rest():
    for trial in ladder.trials_of("epoch", REFERENCE):
        state = problem(trial.case).state()
        assert bool(trial.case.optimizer.slots) == bool(state.optimizer_state.any())


def test_a_case_with_rates_has_no_two_alike():
    for trial in ladder.trials_of("epoch", REFERENCE):
        if RATES in trial.case.step_fields:
            rates = problem(trial.case).rates
            assert len(set(rates)) == len(rates) == trial.case.steps
