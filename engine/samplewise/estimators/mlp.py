"""`MLPClassifier` and `MLPRegressor`, in the place of scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samplewise.estimators.classifier import Classifier
from samplewise.estimators.parameters import WHOLE, Names, documented, number_loss, parameter
from samplewise.estimators.perceptron import LOGISTIC, Perceptron
from samplewise.estimators.regressor import Regressor
from samplewise.network import ACTIVATIONS, Loss
from samplewise.network.activations import CUSTOM

_SIZES = ["array-like", WHOLE]
_SIZES_HELP = "units of each hidden layer; a number for one layer"
_ACTIVATION = [Names(lambda: {LOGISTIC, *ACTIVATIONS, *CUSTOM}), "array-like"]
_ACTIVATION_HELP = (
    "of the hidden layers, one for all or one for each: relu, tanh, logistic, another one of "
    "samplewise.network.ACTIVATIONS, or a registered one"
)


@documented
@dataclass(eq=False, repr=False)
class MLPClassifier(Classifier, Perceptron):
    """Multi-layer perceptron that learns classes, with scikit-learn's parameters and results.

    With the same parameters, weights and order of rows, the losses of each epoch are those of
    `sklearn.neural_network.MLPClassifier`.
    """

    hidden_layer_sizes: int | Sequence[int] = parameter((100,), _SIZES, _SIZES_HELP)
    activation: str | Sequence[str] = parameter("relu", _ACTIVATION, _ACTIVATION_HELP)


@documented
@dataclass(eq=False, repr=False)
class MLPRegressor(Regressor, Perceptron):
    """Multi-layer perceptron that learns numbers, with scikit-learn's parameters and results.

    With the same parameters, weights and order of rows, the losses of each epoch are those of
    `sklearn.neural_network.MLPRegressor`.
    """

    loss: str | Loss = number_loss()
    hidden_layer_sizes: int | Sequence[int] = parameter((100,), _SIZES, _SIZES_HELP)
    activation: str | Sequence[str] = parameter("relu", _ACTIVATION, _ACTIVATION_HELP)
