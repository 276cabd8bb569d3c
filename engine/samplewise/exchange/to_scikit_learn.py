"""Models as scikit-learn's multilayer perceptrons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import instance_of, printable
from samplewise.data.columns import CATEGORY
from samplewise.data.preprocessing import NONE
from samplewise.errors import ParameterError
from samplewise.exchange.from_scikit_learn import ACTIVATIONS
from samplewise.model.model import MODEL_MADE_BY, Model
from samplewise.model.unscaled import unscaled
from samplewise.network import ClassLoss, Dense, Flatten, Network
from samplewise.network.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Loss,
    MeanSquaredError,
    MultiLabelCrossEntropy,
    Poisson,
)
from samplewise.training.rows.classes import BOOL_NAMES, number_of_classes

_THEIRS = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
_REGRESSIONS: dict[Loss, str] = {MeanSquaredError(): "squared_error", Poisson(): "poisson"}
_LOSSES: tuple[Loss, ...] = (
    BinaryCrossEntropy(),
    CategoricalCrossEntropy(),
    MultiLabelCrossEntropy(),
    *_REGRESSIONS,
)
_TO = "to_sklearn"
Layers = list[tuple[NDArray[Any], NDArray[Any]]]
"""Weights (O, I) and biases (O,) of each dense layer."""


def to_sklearn(model: Model, *, classes: ArrayLike | None = None) -> Any:
    """Return a model as a fitted MLPClassifier or MLPRegressor of scikit-learn.

    Predictions and probabilities are equal, up to rounding. Where the model scales or standardizes,
    it is a Pipeline of a StandardScaler and the perceptron; standardized targets are taken into the
    last layer. `partial_fit` and warm starts go on from the weights, with a new optimizer; settings
    are scikit-learn's defaults.

    Args:
        model: of dense layers, whose hidden ones have one activation of scikit-learn's, and a loss
            that scikit-learn has.
        classes: label of each class, in the order of `model.class_names`; None takes these, as
            whole numbers or bool where they read so. The estimator sorts them, as always. The
            labels of a multi-label model go by position.

    Raises:
        ParameterError: scikit-learn has no such layer, activation, loss, preprocessing or column,
            or `classes` are not as many different labels as the model has classes.
    """
    instance_of("model", model, Model, MODEL_MADE_BY)
    _check_loss(model)
    model = unscaled(model, _TO)
    activation = _hidden_activation(model.network)
    views = model.network.layout.views(model.parameters)
    layers = [
        (views[f"{index}.weight"], views[f"{index}.bias"])
        for index, layer in enumerate(model.network.layers)
        if isinstance(layer, Dense)
    ]
    scaler = _scaler(model)
    if isinstance(model.loss, ClassLoss):
        estimator = _classifier(layers, activation, _labels(model, classes))
    else:
        estimator = _of_values(layers, activation, model.loss)
    first = estimator if scaler is None else scaler
    if model.columns is not None:
        first.feature_names_in_ = _feature_names(model)
    if scaler is None:
        return estimator
    from sklearn.pipeline import make_pipeline

    return make_pipeline(scaler, estimator)


def _check_loss(model: Model) -> None:
    loss = model.loss
    if loss not in _LOSSES:
        known = ", ".join(each.name for each in _LOSSES)
        raise ParameterError(
            f"{_TO}: the loss {printable(loss)} is not one of scikit-learn's; it has {known}, "
            "without options"
        )
    if isinstance(loss, MultiLabelCrossEntropy) and model.network.outputs == 1:
        raise ParameterError(
            f"{_TO}: scikit-learn's multi-label classifiers have two labels or more, got one; "
            "train one label with binary_cross_entropy"
        )


def _hidden_activation(network: Network) -> str:
    """Return scikit-learn's name for the activation of all hidden layers."""
    for index, layer in enumerate(network.layers):
        # Compared with a plain one: other settings of a layer have no place either.
        plain = Dense(layer.units, layer.activation) if isinstance(layer, Dense) else Flatten()
        if layer != plain:
            raise ParameterError(
                f"{_TO}: layer {index} is {printable(layer)}, but scikit-learn's perceptrons have "
                "plain dense layers only"
            )
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    used = sorted({layer.activation for layer in dense[:-1]}) or ["relu"]
    if len(used) > 1 or used[0] not in _THEIRS:
        raise ParameterError(
            f"{_TO}: the hidden layers have the activation {printable(' and '.join(used))}, but "
            f"scikit-learn's perceptrons have one for all, of {', '.join(_THEIRS)}"
        )
    return _THEIRS[used[0]]


def _labels(model: Model, classes: ArrayLike | None) -> NDArray[Any]:
    count = number_of_classes(model.network)
    names = model.class_names or tuple(map(str, range(count)))
    if classes is None:
        return _read(names)
    given = np.asarray(classes)
    if given.shape != (count,) or not _are_labels(given):
        raise ParameterError(
            f"{_TO}: classes must be {count} different labels (texts, whole "
            "numbers or bool), one for each of "
            f"{printable(', '.join(names))}, got {printable(classes)}"
        )
    return given


def _are_labels(given: NDArray[Any]) -> bool:
    """Return True where scikit-learn takes values as labels and no two are equal."""
    from sklearn.utils.multiclass import type_of_target

    try:
        kind = type_of_target(given)
    except ValueError:
        return False
    return kind in ("binary", "multiclass") and len(np.unique(given)) == len(given)


def _read(names: tuple[str, ...]) -> NDArray[Any]:
    """Return names as bool or whole numbers where all read so, else as texts."""
    if names == BOOL_NAMES:
        return np.array([False, True])
    # "007" is a name and not the number 7, and so is one that no int64 holds.
    digits = all(name.removeprefix("-").isdecimal() and len(name) < 19 for name in names)
    if digits and all(str(int(name)) == name for name in names):
        return np.array([int(name) for name in names])
    return np.array(names)


def _classifier(layers: Layers, activation: str, labels: NDArray[Any]) -> Any:
    """Return a classifier of two classes or more, which has the labels in ascending order."""
    from sklearn.neural_network import MLPClassifier

    order = np.argsort(labels)
    weight, bias = layers[-1]
    if len(bias) > 2:
        last = weight[order], bias[order]
    else:
        # One logit: that of the second class less that of the first one.
        if len(bias) == 2:
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        last = (weight, bias) if order[0] == 0 else (-weight, -bias)
    y = np.repeat(labels[:1], 2)
    made = MLPClassifier(**_settings(layers, activation))
    return _with_weights(made, [*layers[:-1], last], y, classes=labels)


def _of_values(layers: Layers, activation: str, loss: Loss) -> Any:
    """Return a multi-label classifier or a regressor."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    outputs, settings = len(layers[-1][1]), _settings(layers, activation)
    if loss in _REGRESSIONS:
        made = MLPRegressor(loss=_REGRESSIONS[loss], **settings)
        return _with_weights(made, layers, np.zeros(2 if outputs == 1 else (2, outputs)))
    y = np.eye(2, outputs, dtype=np.int64)
    made = MLPClassifier(**settings)
    return _with_weights(made, layers, y, classes=np.arange(outputs))


def _settings(layers: Layers, activation: str) -> dict[str, Any]:
    hidden = tuple(len(bias) for _, bias in layers[:-1])
    return {"hidden_layer_sizes": hidden, "activation": activation}


def _with_weights(estimator: Any, layers: Layers, y: NDArray[Any], **first: Any) -> Any:
    """Begin an estimator, and put the weights in.

    scikit-learn itself begins it, with a step on rows of zeros, so that everything is there that
    its version keeps of a fit.
    """
    # A seed for that step: without one it would draw from NumPy's global generator.
    estimator.set_params(random_state=0)
    weight, _ = layers[0]
    estimator.partial_fit(np.zeros((2, weight.shape[1]), weight.dtype), y, **first)
    estimator.set_params(random_state=None)
    estimator.coefs_ = [np.array(weight.T, order="C") for weight, _ in layers]
    estimator.intercepts_ = [np.array(bias) for _, bias in layers]
    estimator.n_iter_ = estimator.t_ = 0
    estimator.loss_curve_, estimator.best_loss_ = [], np.inf
    for trace in ("loss_", "_optimizer"):
        vars(estimator).pop(trace, None)
    return estimator


def _scaler(model: Model) -> Any:
    preprocessing, features = model.preprocessing, model.network.inputs
    if preprocessing.name == NONE:
        return None
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_mean=preprocessing.mean is not None)
    if preprocessing.full_scale is not None:
        scaler.mean_, scaler.scale_ = None, np.full(features, preprocessing.full_scale)
    elif preprocessing.mean is not None and preprocessing.deviation is not None:
        scaler.mean_, scaler.scale_ = preprocessing.mean.copy(), preprocessing.deviation.copy()
    else:
        raise ParameterError(
            f"{_TO}: scikit-learn has no step that standardizes each image over its own pixels; "
            "train with preprocess scale or none"
        )
    scaler.var_, scaler.n_features_in_ = scaler.scale_**2, features
    return scaler


def _feature_names(model: Model) -> NDArray[Any]:
    columns = model.columns or ()
    texts = [printable(column.name) for column in columns if column.kind == CATEGORY]
    if texts:
        raise ParameterError(
            f"{_TO}: a perceptron takes numbers only, but the columns {', '.join(texts)} of the "
            "model hold text; encode them before training"
        )
    return np.array([column.name for column in columns], object)
