"""Gradients against central differences of the loss that is reported."""

import numpy as np
import pytest

from faults.catalogue import faulty_backend
from samplewise import registry
from samplewise.network import ACTIVATIONS
from samplewise.testing import ladder, measures, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.contract_checks import central_difference
from samplewise.testing.problems import kink_distance, problem

ALLOWED = tolerances.tolerance("central_difference", "float64")


def differences(backend, case):
    drawn = problem(case)
    program = ladder.compiled(backend, case)
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    slope = central_difference(program, drawn)
    return measures.layers("gradient", drawn.network.layout, gradient, slope, ALLOWED)


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("outputs", [1, 4], ids=["binary", "categorical"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_the_slope_of_the_loss(activation, outputs, backend):
    case = Case(5, (4, 3), outputs, activation, rows=6)
    if activation not in registry.load(backend).capabilities.activations:
        pytest.skip(f"{backend} has no {activation}")
    assert kink_distance(problem(case)) > 100 * tolerances.DIFFERENCE_STEP
    for measure in differences(registry.load(backend), case):
        assert measure.passed, str(measure)


@pytest.mark.parametrize(
    "fault", ["bias_sign_in_forward", "no_slope_in_first_layer", "sums_the_batch"]
)
def test_a_wrong_gradient_fails(fault):
    found = differences(faulty_backend(fault), Case(5, (4, 3), 1, "tanh", rows=6))
    assert not all(measure.passed for measure in found)


def test_one_wrong_entry_is_found():
    case = Case(5, (4, 3), 1, "tanh", rows=6)
    drawn = problem(case)
    program = ladder.compiled(registry.load("reference"), case)
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    layout = drawn.network.layout
    layout.views(gradient)["1.weight"][2, 1] += 2 * ALLOWED.relative * np.abs(gradient).max()
    slope = central_difference(program, drawn)
    found = measures.layers("gradient", layout, gradient, slope, ALLOWED)
    assert [measure.what for measure in found if not measure.passed] == ["gradient 1.weight"]
