"""Small trainings as a user writes them: public names alone, so that any commit can run them.

`python works.py NAME` does one of them from the start of a process to its end.
"""

from __future__ import annotations

import sys
from functools import partial

import numpy as np

from samplewise import (
    Adam,
    Conv2D,
    Dense,
    MaxPool2D,
    Network,
    TrainingSettings,
    multilayer_perceptron,
    train,
)

REPORT = multilayer_perceptron(784, (10,), 1)
CNN = Network((1, 28, 28), (Conv2D(8, 3, activation="relu"), MaxPool2D(2), Dense(10)))
IRIS = multilayer_perceptron(4, (100,), 3, "relu")


def fit(network, rows, classes, **settings):
    """Train on rows drawn at random; return the result."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, network.inputs), np.float32)
    y = np.arange(rows) % classes
    return train(network, X, y, TrainingSettings(**settings))


# The report's network; another optimizer, batch size and dtype; other layers; hardly any work.
WORKS = {
    "784-10-1": partial(fit, REPORT, 800, 2),
    "adam": partial(
        fit, REPORT, 800, 2, optimizer=Adam(), learning_rate=0.001, batch_size=32, dtype="float32"
    ),
    "cnn": partial(fit, CNN, 320, 10, epochs=1, batch_size=32, dtype="float32"),
    "iris": partial(fit, IRIS, 150, 3, epochs=5, batch_size=32, dtype="float32"),
}

if __name__ == "__main__":
    WORKS[sys.argv[1]]()
