"""Shapes nobody thought of: drawn networks, batches and orders, against the reference."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from samplewise import registry
from samplewise.contract import Steps
from samplewise.network import ACTIVATIONS
from samplewise.testing import ladder, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.problems import kink_distance, problem


@st.composite
def cases(draw):
    rows = draw(st.integers(1, 24))
    return Case(
        inputs=draw(st.integers(1, 40)),
        hidden=tuple(draw(st.lists(st.integers(1, 24), max_size=3))),
        outputs=draw(st.integers(1, 6)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        batch_size=draw(st.integers(1, rows)),
        rows=rows,
        dtype=draw(st.sampled_from(["float64", "float32"])),
    )


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(case=cases())
def test_drawn_networks_agree_with_the_reference(backend, case):
    assume(case.activation != "relu" or kink_distance(problem(case)) > tolerances.KINK_MARGIN)
    for rung in ("kernel", "gradient", "epoch", "run"):
        failures = ladder.failures(registry.load(backend), rung, case)
        assert not failures, "\n".join(failures)


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(case=cases(), data=st.data())
def test_cuts_never_change_a_bit(backend, case, data):
    """Stricter than the contract: the built-in backends make one step after the other."""
    drawn = problem(case)
    program = ladder.compiled(registry.load(backend), case)
    order = np.array(data.draw(st.permutations(range(case.rows))), dtype=np.int64)
    batches = -(-case.rows // case.batch_size)
    edge = data.draw(st.integers(0, batches)) * case.batch_size
    whole, cut = drawn.state(), drawn.state()
    losses, cut_losses = np.zeros((2, case.rows), dtype=drawn.dtype)
    steps = Steps(order, 0, case.rows, case.batch_size, drawn.learning_rate)
    program.run_epoch(whole, drawn.X, drawn.Y, steps, losses)
    for start, stop in ((0, min(edge, case.rows)), (edge, case.rows)):
        if start < stop:
            window = dataclasses.replace(steps, start=start, stop=stop)
            program.run_epoch(cut, drawn.X, drawn.Y, window, cut_losses)
    assert cut.parameters.tobytes() == whole.parameters.tobytes()
    assert cut_losses.tobytes() == losses.tobytes()
