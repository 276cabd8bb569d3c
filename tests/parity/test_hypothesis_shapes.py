"""Shapes nobody thought of: drawn networks, batches and orders, against the reference."""

import dataclasses

import numpy as np
import pytest
from comparability import kink_distance
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from faults import climbing
from samplewise import registry
from samplewise.contract import Steps
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.network import ACTIVATIONS, SGD
from samplewise.testing import runs, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.problems import problem

# What every built-in backend has.
COMMON_ACTIVATIONS = ACTIVATIONS[:4]
# Long runs are kept calm by their rate; a ReLU that flips on the way is a jump all the same.
CALM_ACTIVATIONS = ACTIVATIONS[:3]
FLOAT64_EPS = float(np.finfo("float64").eps)


@st.composite
def rules(draw):
    momentum = draw(st.sampled_from([0.0, 0.3, 0.9]))
    nesterov = draw(st.booleans()) if momentum else False
    return SGD(momentum, nesterov, l2=draw(st.sampled_from([0.0, 0.01, 0.1])))


@st.composite
def cases(draw, most_rows=24, activations=COMMON_ACTIVATIONS, rate=0.02):
    rows = draw(st.integers(1, most_rows))
    return dense_case(
        inputs=draw(st.integers(1, 40)),
        hidden=tuple(draw(st.lists(st.integers(1, 24), max_size=3))),
        outputs=draw(st.integers(1, 6)),
        activation=draw(st.sampled_from(activations)),
        batch_size=draw(st.integers(1, rows)),
        rows=rows,
        dtype=draw(st.sampled_from(["float64", "float32"])),
        optimizer=draw(rules()),
        learning_rate=rate,
    )


def assume_comparable(backend, case):
    """Leave out what no tolerance could be set for, and what the backend does not offer."""
    assume(case.is_offered(backend.capabilities))
    assume("relu" not in str(case) or kink_distance(problem(case)) > tolerances.KINK_MARGIN)
    eps = float(np.finfo(case.dtype).eps)
    assume(runs.yardstick(case) < tolerances.CALM_YARDSTICK * max(eps / FLOAT64_EPS, 1))


@pytest.mark.parametrize("name", ["vectorized", "numba_cpu"])
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(case=cases(), data=st.data())
def test_drawn_networks_agree_with_the_reference(name, case, data):
    backend = registry.load(name)
    assume_comparable(backend, case)
    plan = data.draw(st.sampled_from([None, AUTO_PLAN, *sorted(backend.capabilities.plans)]))
    for rung in ("kernel", "gradient", "epoch", "run"):
        failures = climbing.failures(backend, rung, case, plan)
        assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", ["vectorized", "numba_cpu"])
@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(case=cases(most_rows=300, activations=CALM_ACTIVATIONS, rate=0.002), data=st.data())
def test_an_epoch_of_many_blocks_agrees_with_the_reference_however_it_is_cut(name, case, data):
    backend = registry.load(name)
    assume(case.is_offered(backend.capabilities))
    plan = data.draw(st.sampled_from(sorted(backend.capabilities.plans)))
    shuffle = data.draw(st.booleans())
    session = runs.compiled(backend, case, plan, shuffle=shuffle)
    chunk = data.draw(st.integers(1, case.rows))
    got = runs.trained(session, case, 1, shuffle, chunk=chunk)
    allowed = tolerances.after_steps(case.steps, case.dtype)
    for measure in runs.compare_runs(case, got, runs.expected(case, 1, shuffle), allowed):
        assert measure.passed, str(measure)


@pytest.mark.parametrize("name", ["reference", "vectorized", "numba_cpu"])
@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(case=cases(), data=st.data())
def test_cuts_never_change_a_bit_where_one_step_follows_the_other(name, case, data):
    """Stricter than the contract, which allows a program to treat a chunk as a whole."""
    backend, drawn = registry.load(name), problem(case)
    assume(case.is_offered(backend.capabilities))
    program = runs.program_of(backend, case, DIRECT)
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
    assert cut.optimizer_state.tobytes() == whole.optimizer_state.tobytes()
    assert cut_losses.tobytes() == losses.tobytes()
