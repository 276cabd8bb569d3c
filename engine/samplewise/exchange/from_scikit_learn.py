"""scikit-learn's multilayer perceptrons as models.

Both have the same weights, transposed, and the same links. A `StandardScaler` before the perceptron
is the preprocessing of a model.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from samplewise.checks import one_of, printable
from samplewise.data.columns import columns_named
from samplewise.data.preprocessing import NONE, STANDARDIZE, Preprocessing
from samplewise.errors import ParameterError
from samplewise.exchange.tensors import parameters_of
from samplewise.model.model import Model
from samplewise.network import ClassLoss, Loss, multilayer_perceptron
from samplewise.network.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    MeanSquaredError,
    MultiLabelCrossEntropy,
    Poisson,
)
from samplewise.training.result import TRAINED_ON
from samplewise.training.rows.classes import check_class_names, names_of_labels

ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
"""Names of scikit-learn's activations, and ours."""
_LOSSES: dict[str, Loss] = {
    "softmax": CategoricalCrossEntropy(),
    "identity": MeanSquaredError(),
    "exp": Poisson(),
}
"""The loss for each function of the last layer, but the logistic one, which has two."""
_FROM = "from_sklearn"


def from_sklearn(fitted: Any) -> Model:
    """Return a fitted multilayer perceptron of scikit-learn as a model.

    Predictions and probabilities are equal, up to rounding in the dtype of its weights. Classes go
    by their names: `model.class_names[i]` is the text of `classes_[i]`.

    Args:
        fitted: an MLPClassifier or MLPRegressor, or a Pipeline of a StandardScaler and one.

    Raises:
        ParameterError: it is anything else, is not fitted, knows one class only, or has an
            activation that scikit-learn does not have.
        DataError: its weights were replaced by others that do not fit, or a name of its features
            cannot be one of a column.
    """
    scaler, perceptron = _steps(fitted)
    coefs, intercepts = perceptron.coefs_, perceptron.intercepts_
    hidden = [weight.shape[1] for weight in coefs[:-1]]
    sizes = int(perceptron.n_features_in_), hidden, int(perceptron.n_outputs_)
    activation = one_of(f"{_FROM}: activation", perceptron.activation, ACTIVATIONS)
    network = multilayer_perceptron(*sizes, ACTIVATIONS[activation])
    pairs = list(zip(coefs, intercepts, strict=True))
    tensors = {f"{i}.weight": np.transpose(weight) for i, (weight, _) in enumerate(pairs)}
    tensors |= {f"{i}.bias": np.asarray(bias) for i, (_, bias) in enumerate(pairs)}
    names = {f"{i}.weight": f"coefs_[{i}].T" for i in range(len(pairs))}
    names |= {f"{i}.bias": f"intercepts_[{i}]" for i in range(len(pairs))}
    loss = _loss(perceptron)
    return Model(
        network=network,
        loss=loss,
        parameters=parameters_of(network, tensors, names, _FROM),
        class_names=_class_names(perceptron) if isinstance(loss, ClassLoss) else (),
        preprocessing=_preprocessing(scaler),
        image_shape=None,
        trained_on=TRAINED_ON,
        columns=columns_named(getattr(fitted, "feature_names_in_", ())),
    )


def _steps(fitted: Any) -> tuple[Any, Any]:
    """Return the scaler, or None, and the perceptron, both fitted."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    kinds = [StandardScaler, (MLPClassifier, MLPRegressor)][-len(steps) :]
    if len(steps) > len(kinds) or not all(map(isinstance, steps, kinds)):
        shown = " and ".join(type(step).__name__ for step in steps)
        ours = any(hasattr(type(step), "model_") for step in steps)
        raise ParameterError(
            f"{_FROM}: expected an MLPClassifier or MLPRegressor of scikit-learn, or a Pipeline of "
            f"StandardScaler and one, got {printable(shown)}"
            + ("; it has a model already, model_" if ours else "")
        )
    scaler, perceptron = [None, *steps][-2:]
    for step, attribute in ((scaler, "scale_"), (perceptron, "coefs_")):
        if step is not None and not hasattr(step, attribute):
            raise ParameterError(
                f"{_FROM}: the {type(step).__name__} is not fitted; call its method fit first"
            )
    return scaler, perceptron


def _loss(perceptron: Any) -> Loss:
    link = perceptron.out_activation_
    if link != "logistic":
        return _LOSSES[link]
    return BinaryCrossEntropy() if perceptron.n_outputs_ == 1 else MultiLabelCrossEntropy()


def _class_names(perceptron: Any) -> tuple[str, ...]:
    classes = np.asarray(perceptron.classes_)
    if len(classes) < 2:
        raise ParameterError(
            f"{_FROM}: the {type(perceptron).__name__} knows one class only, "
            f"'{printable(classes[0])}'; fit it to rows of two classes or more"
        )
    return check_class_names(names_of_labels(classes), len(classes))


def _preprocessing(scaler: Any) -> Preprocessing:
    if scaler is None:
        return Preprocessing(NONE)
    count = scaler.n_features_in_
    mean = np.zeros(count) if scaler.mean_ is None or not scaler.with_mean else scaler.mean_
    deviation = np.ones(count) if scaler.scale_ is None else scaler.scale_
    return Preprocessing(STANDARDIZE, mean=np.array(mean), deviation=np.array(deviation))
