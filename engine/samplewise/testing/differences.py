"""Gradients against central differences of the mean loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from samplewise.contract import Program
from samplewise.testing import measures, tolerances
from samplewise.testing.measures import Measure
from samplewise.testing.problems import Problem


def gradient_is_the_slope(program: Program, drawn: Problem) -> list[Measure]:
    """Compare the gradient, tensor by tensor; float64 only, as float32 has no digits left."""
    _, gradient = program.gradients(drawn.parameters, drawn.X, drawn.Y)
    slope = central_difference(lambda theta: _mean_loss(program, drawn, theta), drawn)
    allowed = tolerances.tolerance("central_difference", drawn.dtype.name)
    return measures.layers("gradient", drawn.network.layout, gradient, slope, allowed)


def _mean_loss(program: Program, drawn: Problem, parameters: NDArray[Any]) -> float:
    """Return the mean loss that the logits have: half the work of a gradient."""
    return drawn.loss.mean(program.predict(parameters, drawn.X), drawn.Y)


def central_difference(value: Callable[[NDArray[Any]], float], drawn: Problem) -> NDArray[Any]:
    """Return the slope of a function by each parameter of a problem, (P,), gaps 0."""
    slope = drawn.network.layout.zeros(drawn.dtype)
    for slot in drawn.network.layout.slots:
        for p in range(slot.offset, slot.offset + slot.size):
            h = tolerances.DIFFERENCE_STEP * max(1.0, abs(float(drawn.parameters[p])))
            above, below = drawn.parameters.copy(), drawn.parameters.copy()
            above[p] += h
            below[p] -= h
            slope[p] = (value(above) - value(below)) / (above[p] - below[p])
    return slope
