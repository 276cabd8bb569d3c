"""A value that nothing moves any more shrinks to 0; subnormal numbers would be slow."""

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import PlanSpec, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adagrad,
    Adam,
    RMSprop,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)


def dead_inputs(backend, plan, rule, dying, slot, step_l2=None):
    """Train on rows whose last half of inputs is 0, where something is `dying`.

    Args:
        backend: that trains.
        plan: by which it does.
        rule: likewise.
        dying: what stands there at first.
        slot: number of the optimizer's vector that dies; None for the weights.
        step_l2: of every step; None for no penalties of steps.

    Returns:
        The first layer's weights, or what the optimizer keeps of them, (units, inputs).
    """
    dtype, rows = "float32", 1500
    network, loss = multilayer_perceptron(40, [6], 1), loss_named("binary_cross_entropy")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 40)).astype(dtype)
    X[:, 20:] = 0
    Y = rng.integers(0, 2, (rows, 1)).astype(dtype)
    state = TrainingState(
        initialize(network, "lecun_normal", rng, dtype),
        aligned_zeros(rule.slots * network.layout.size, dtype),
    )
    size = network.layout.size
    vector = state.parameters if slot is None else state.optimizer_state[slot * size :][:size]
    view = network.layout.views(vector)["0.weight"]
    view[:, 20:] = dying
    workload = Workload(rows, **PlanSpec.parse("plan", plan).fields())
    program = registry.load(backend).compile(network, loss, rule, np.dtype(dtype), workload)
    penalties = (
        {} if step_l2 is None else {"l2": np.full(rows, step_l2), "penalties": np.zeros(rows)}
    )
    steps = Steps(np.arange(rows), 0, rows, 1, 0.01, **penalties)
    program.run_epoch(state, X, Y, steps, np.zeros(rows, dtype))
    program.synchronize(state)
    return view


MOMENTUM = [
    (SGD(momentum=0.3), 1, 0),
    (SGD(momentum=0.9), 1, 0),
    (SGD(momentum=0.995), 2.0**-120, 0),
]
MOMENTS = [
    (Adam(), 1, 0),
    (Adam(beta2=0.9), 1, 1),
    (RMSprop(rho=0.9), 1, 0),
]
WEIGHTS = [
    (SGD(l2=0.1), 2.0**-120, None),
    (SGD(weight_decay=0.1), 2.0**-120, None),
    (Adam(weight_decay=0.1), 2.0**-120, None),
    (RMSprop(rho=0.9, weight_decay=0.1), 2.0**-120, None),
    (Adagrad(weight_decay=0.1), 2.0**-120, None),
]
DYING = [
    *(("vectorized", "direct", *each) for each in (*MOMENTUM, *MOMENTS, *WEIGHTS)),
    *(("vectorized", "blocked", *each) for each in (*MOMENTUM, WEIGHTS[0])),
    *(("numba_cpu", "direct", *each) for each in (*MOMENTUM, *MOMENTS)),
    *(("numba_cpu", "direct:abreast", *each) for each in MOMENTUM),
]


@pytest.mark.parametrize(("backend", "plan", "rule", "dying", "slot"), DYING, ids=str)
def test_what_dies_away_comes_to_rest(backend, plan, rule, dying, slot):
    """It would stay subnormal for ever: the smallest numbers times 0.9 round to themselves."""
    view = dead_inputs(backend, plan, rule, dying, slot)
    assert not view[:, 20:].any()
    assert np.abs(view[:, :20]).min() >= np.finfo("float32").tiny


def test_weights_that_penalties_of_steps_shrink_come_to_rest():
    view = dead_inputs("vectorized", "direct", SGD(), 2.0**-120, None, step_l2=0.1)
    assert not view[:, 20:].any()
