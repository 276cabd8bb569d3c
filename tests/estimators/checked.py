"""Small estimators for scikit-learn's checks, which ask them to learn something."""

from samplewise import (
    CNNClassifier,
    MLPClassifier,
    MLPRegressor,
    NeuralNetClassifier,
    NeuralNetRegressor,
)
from samplewise.network import Dense

BACKENDS = ("reference", "vectorized", "numba_cpu")
# The reference backend takes one row after the other, in Python.
QUICK = {
    "reference": {"learning_rate_init": 0.05, "max_iter": 12},
    "vectorized": {"learning_rate_init": 0.02, "max_iter": 30},
    "numba_cpu": {"learning_rate_init": 0.02, "max_iter": 30},
}
UNITS = {"reference": 10, "vectorized": 20, "numba_cpu": 20}


def estimators(backend):
    """Return one of each kind."""
    given = {"backend": backend, **QUICK[backend]}
    sizes = {"hidden_layer_sizes": (UNITS[backend],)}
    network = (Dense(UNITS[backend], "relu"),)
    return [
        MLPClassifier(**sizes, **given),
        MLPRegressor(**sizes, **given),
        NeuralNetClassifier(network, **given),
        NeuralNetRegressor(network, **given),
        CNNClassifier(filters=(4,), **sizes, **given),
    ]
