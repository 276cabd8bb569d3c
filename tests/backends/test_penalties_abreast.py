"""The penalty of networks in the lanes, whose squares are summed in their dtype."""

import numpy as np
import pytest

from samplewise.contract import PlanSpec, Steps, TrainingState, Workload
from samplewise.network import SGD, Dense, Network, aligned_zeros, loss_named
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.plans.members import MOST_SQUARES

OUTPUTS = 3
LOSS = loss_named("categorical_cross_entropy")


@pytest.mark.parametrize("optimizer", [SGD(), SGD(0.9)], ids=str)
def test_the_penalty_of_as_many_squares_as_there_may_be(optimizer):
    """Of equal weights: the error of their sum grows fastest."""
    inputs, dtype, value = MOST_SQUARES, np.dtype("float32"), float(np.float32(0.3))
    network = Network((inputs,), (Dense(2, "tanh"), Dense(OUTPUTS)))
    plan = PlanSpec.parse("plan", "direct:abreast").fields()
    workload = Workload(2, 1, step_fields=frozenset({"penalties"}), **plan)
    program = NumbaBackend().compile(network, LOSS, optimizer, dtype, workload)
    theta = aligned_zeros(network.layout.size, dtype)
    theta.fill(value)
    state = TrainingState(theta, aligned_zeros(optimizer.slots * len(theta), dtype))
    steps = Steps(np.arange(2), 0, 2, 1, 2.0**-100, l2=np.full(2, 2.0), penalties=np.zeros(2))
    rows, Y = np.zeros((2, inputs), dtype), np.eye(OUTPUTS, dtype=dtype)
    program.run_epoch(state, rows, Y, steps, np.zeros(2, dtype))
    exact = (2 * inputs + 2 * OUTPUTS) * value**2
    # The sum of 4096 equal squares in float32 was measured to be off by 1.1e-5 of it.
    np.testing.assert_allclose(steps.penalties, exact, rtol=2e-5)
