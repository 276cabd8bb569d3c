"""Gradients against central differences of the loss that is reported."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.contract import Program
from samplewise.testing import measures, tolerances
from samplewise.testing.measures import Measure
from samplewise.testing.problems import Problem


def gradient_is_the_slope(program: Program, drawn: Problem) -> list[Measure]:
    """Compare the gradient, tensor by tensor; float64 only, as float32 has no digits left."""
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    slope = central_difference(program, drawn)
    allowed = tolerances.tolerance("central_difference", drawn.dtype.name)
    return measures.layers("gradient", drawn.network.layout, gradient, slope, allowed)


def central_difference(program: Program, drawn: Problem) -> NDArray[Any]:
    """Return the slope of the program's mean loss by each parameter, (P,), gaps 0."""
    slope = drawn.network.layout.zeros(drawn.dtype)
    for slot in drawn.network.layout.slots:
        for p in range(slot.offset, slot.offset + slot.size):
            h = tolerances.DIFFERENCE_STEP * max(1.0, abs(float(drawn.parameters[p])))
            above, below = drawn.parameters.copy(), drawn.parameters.copy()
            above[p] += h
            below[p] -= h
            rise = [program.gradients(theta, drawn.X, drawn.Y)[0] for theta in (above, below)]
            slope[p] = (rise[0] - rise[1]) / (above[p] - below[p])
    return slope
