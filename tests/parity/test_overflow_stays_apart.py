"""A training that overflows leaves nothing in a program that reaches another training."""

import numpy as np
import pytest

from samplewise.contract import PlanSpec, Steps, TrainingState, Workload
from samplewise.errors import SomeDivergedError
from samplewise.network import (
    SGD,
    Dense,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.testing import measures, tolerances
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train
from samplewise_backends.numba_cpu.backend import NumbaBackend

FROZEN = Network(
    (6,), (Dense(5, "relu", trainable=False), Dense(4, "relu"), Dense(3, "relu"), Dense(1))
)
RNG = np.random.default_rng(5)
X, LABELS = RNG.standard_normal((12, 6)), np.arange(12) % 2
LIMITS = [{"clip_norm": 0.5}, {"clip_value": 0.5}, {"optimizer": "adam", "clip_norm": 0.5}]


class Looks(Callback):
    def on_epoch_end(self, record):
        return None


def settings(**changes):
    return TrainingSettings.from_options(**{"epochs": 5, "batch_size": 4, "seed": 1, **changes})


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("callbacks", [(), [[Looks()], []]], ids=["unwatched", "watched"])
def test_a_network_that_diverges_disturbs_no_equal_one(backend, limits, callbacks):
    def each(rate):
        return settings(backend=backend, learning_rate=rate, **limits)

    wanted = train(FROZEN, X, LABELS, each(0.01)).parameters
    with pytest.raises(SomeDivergedError) as raised:
        train_many([FROZEN] * 2, X, LABELS, [each(1e200), each(0.01)], callbacks=callbacks)
    assert list(raised.value.errors) == [0]
    allowed = tolerances.after_training(each(0.01).optimizer, 15, "float64")
    assert measures.sized("weights", raised.value.results[1].parameters, wanted, allowed).passed


@pytest.mark.parametrize("plan", ["direct", "direct:abreast", "blocked:64"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_epochs_that_overflow_leave_nothing_to_those_that_are_run_again(plan, momentum, l2):
    # A training goes back so, with the same program: to say in which epoch a network diverged.
    network, optimizer = multilayer_perceptron(6, (5,), 1, "tanh"), SGD(momentum, l2=l2)
    rows, dtype = RNG.standard_normal((100, 6)), np.dtype("float64")
    weights = initialize(network, "glorot_uniform", np.random.default_rng(0), dtype)
    workload = Workload(100, 1, **PlanSpec.parse("plan", plan).fields())

    def program():
        loss = loss_named("mean_squared_error")
        return NumbaBackend().compile(network, loss, optimizer, dtype, workload)

    def ran(program, rate):
        slots = aligned_zeros(optimizer.slots * len(weights), dtype)
        state, losses = TrainingState(weights.copy(), slots), np.zeros(100)
        steps = Steps(np.arange(100), 0, 100, 1, rate)
        program.run_epoch(state, rows, np.ones((100, 1)), steps, losses)
        return losses

    again = program()
    assert not np.isfinite(ran(again, 1e10)).all()
    np.testing.assert_array_equal(ran(again, 0.01), ran(program(), 0.01))
