"""Adam's steps of single rows write the next row's products, with the bits of a forward pass."""

import numpy as np
import pytest

from samplewise.contract import PENALTIES, Steps, TrainingState, Workload
from samplewise.network import Adam, Dense, Network, aligned_zeros, initialize, loss_named
from samplewise_backends.numba_cpu.backend import NumbaBackend

ROWS, STEP_L2 = 24, 1e-3
RNG = np.random.default_rng(2)


class Given:
    """Rows of a network of dense layers, whose first one has some inputs and units."""

    def __init__(self, dtype, inputs, units=9):
        self.network = Network(inputs, (Dense(units, "relu"), Dense(3)))
        self.dtype = np.dtype(dtype)
        self.X = RNG.standard_normal((ROWS, inputs)).astype(dtype)
        self.Y = np.eye(3, dtype=dtype)[RNG.integers(0, 3, ROWS)]
        self.order = RNG.permutation(ROWS)

    def trained(self, edges, *, penalised=False):
        """Return losses, parameters and averages after an epoch that is cut at some edges."""
        fields = frozenset({PENALTIES} if penalised else ())
        workload = Workload(ROWS, 1, plan="direct", step_fields=fields)
        parts = self.network, loss_named("categorical_cross_entropy"), Adam(), self.dtype
        program = NumbaBackend().compile(*parts, workload)
        theta = initialize(self.network, "glorot_normal", np.random.default_rng(1), self.dtype)
        state = TrainingState(theta, aligned_zeros(2 * len(theta), self.dtype))
        losses = np.full(ROWS, np.nan, self.dtype)
        for start, stop in zip([0, *edges], [*edges, ROWS], strict=True):
            count = stop - start
            penalty = {"l2": np.full(count, STEP_L2), "penalties": np.zeros(count)}
            steps = Steps(self.order, start, stop, 1, 0.01, **(penalty if penalised else {}))
            program.run_epoch(state, self.X, self.Y, steps, losses)
            state.step += steps.count
        return losses, state.parameters, state.optimizer_state


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("penalised", [False, True])
# As many as whole turns of vectors have, and others; of many units, and more than a pass has.
@pytest.mark.parametrize(("inputs", "units"), [(64, 100), (128, 9), (56, 9), (8192, 2), (13, 9)])
def test_bits_do_not_depend_on_whether_the_next_row_is_known(dtype, penalised, inputs, units):
    given = Given(dtype, inputs, units)
    whole = given.trained([], penalised=penalised)
    for edges in (range(1, ROWS), [5, 6, 17]):
        for found, want in zip(given.trained(edges, penalised=penalised), whole, strict=True):
            np.testing.assert_array_equal(found, want)
    assert np.isfinite(whole[0]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_input_that_is_not_finite_reaches_the_loss_of_its_row_and_of_no_row_before(dtype, bad):
    given = Given(dtype, 64)
    given.X[given.order[7], 33] = bad
    losses, *_ = given.trained([])
    np.testing.assert_array_equal(np.isfinite(losses), np.arange(ROWS) < 7)
