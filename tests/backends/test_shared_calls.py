"""Equal networks of one direct program share a call: each has the bits of a training alone."""

import numpy as np
import pytest

from samplewise.network import SGD, Adam, Network, RMSprop, multilayer_perceptron
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

RNG = np.random.default_rng(6)
X, LABELS = RNG.standard_normal((30, 6)), RNG.integers(0, 3, 30)
NETWORK, OTHER = multilayer_perceptron(6, (5,), 3), multilayer_perceptron(6, (4,), 3)
OPTIMIZERS = [
    Adam(beta1=0.5, l2=0.01),
    SGD(0.9, nesterov=True),
    RMSprop(),
    Adam(),
    SGD(0.5, clip_value=0.1),
    SGD(),
    Adam(epsilon_hat=True, clip_norm=0.2),
]


@pytest.mark.parametrize(("plan", "batch_size"), [("direct", 1), ("direct", 4), ("direct:thin", 4)])
def test_each_network_has_the_bits_of_a_training_alone(plan, batch_size):
    networks: list[Network] = [NETWORK if k % 3 else OTHER for k in range(len(OPTIMIZERS))]
    settings = [
        TrainingSettings(
            optimizer=optimizer,
            learning_rate=0.01 * (k + 1),
            epochs=2,
            batch_size=batch_size,
            plan=plan,
            backend="numba_cpu",
        )
        for k, optimizer in enumerate(OPTIMIZERS)
    ]
    together = train_many(networks, X, LABELS, settings)
    for network, own, found in zip(networks, settings, together, strict=True):
        alone = train(network, X, LABELS, own)
        assert found.parameters.tobytes() == alone.parameters.tobytes()
        assert found.history.losses == alone.history.losses
