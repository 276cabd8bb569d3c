"""Gradients against central differences of the loss that is reported."""

import numpy as np
import pytest

from faults import climbing
from faults.catalogue import faulty_backend
from samplewise import registry
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.problems import problem
from samplewise.testing.rungs import central_difference

ALLOWED = tolerances.tolerance("central_difference", "float64")


@pytest.mark.parametrize("fault", ["bias_sign_in_forward", "forgets_derivative", "sums_the_batch"])
def test_a_wrong_gradient_fails(fault):
    case = dense_case(5, (4, 3), 1, "tanh", rows=6)
    assert climbing.failures(faulty_backend(fault), "difference", case)


def test_one_wrong_entry_is_found():
    case = dense_case(5, (4, 3), 1, "tanh", rows=6)
    drawn = problem(case)
    program = runs.program_of(registry.load("reference"), case)
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    layout = drawn.network.layout
    layout.views(gradient)["1.weight"][2, 1] += 2 * ALLOWED.relative * np.abs(gradient).max()
    slope = central_difference(lambda theta: program.gradients(theta, drawn.X, drawn.Y)[0], drawn)
    found = measures.layers("gradient", layout, gradient, slope, ALLOWED)
    assert [measure.what for measure in found if not measure.passed] == ["gradient 1.weight"]
