"""Which cases and runs say something about a backend."""

import math
from dataclasses import replace

import numpy as np

from samplewise.network import Network
from samplewise.testing import tolerances
from samplewise.testing.problems import Problem, reference_program


def kink_distance(drawn: Problem) -> float:
    """Return the smallest distance to 0 of a value before an activation in the first pass."""
    nearest = np.inf
    for k, layer in enumerate(drawn.network.layers):
        if layer.activation == "identity":
            continue
        before = replace(layer, activation="identity")
        cut = Network(drawn.network.input_shape, (*drawn.network.layers[:k], before))
        program = reference_program(cut, drawn.loss, drawn.dtype)
        Z = program.predict(drawn.parameters[: cut.layout.size], drawn.X)
        nearest = min(nearest, float(np.abs(Z).min()))
    return nearest


def too_often_farthest(farthest: int, runs: int) -> bool:
    """Return True if a backend differs by more than chance explains, over independent runs.

    Args:
        farthest: in how many runs the backend ended farther from the reference than each of
            `NUDGED_RUNS` nudged runs did.
        runs: chaotic runs compared.

    Returns:
        Whether a right backend is the farthest so often, or more, with a probability below
        `FALSE_ALARM`: the upper tail of the binomial distribution with 1 / (NUDGED_RUNS + 1).
    """
    p = 1 / (tolerances.NUDGED_RUNS + 1)
    tail = (math.comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in range(farthest, runs + 1))
    return sum(tail) < tolerances.FALSE_ALARM
