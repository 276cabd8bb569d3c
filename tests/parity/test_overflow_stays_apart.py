"""A training that overflows leaves nothing in a program that reaches another training."""

import numpy as np
import pytest

from samplewise.errors import SomeDivergedError
from samplewise.network import Dense, Network
from samplewise.testing import measures, tolerances
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

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
