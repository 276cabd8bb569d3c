"""Multi-layer perceptrons: their network, and weights as lists of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from numbers import Integral, Real
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from samplewise.errors import ParameterError
from samplewise.estimators.estimator import Estimator
from samplewise.estimators.parameters import SHARE, parameter
from samplewise.model.model import Model
from samplewise.network import Dense, Dropout, Layer, Network

LOGISTIC = "logistic"
SHOWN = "coefs_", "intercepts_"
_KEPT_NETWORKS = 64


@dataclass(eq=False, repr=False, kw_only=True)
class Perceptron(Estimator):
    """Dense layers, whose weights may be set.

    Attributes:
        coefs_, intercepts_: weights (inputs, outputs) and biases (outputs,) of each layer; views of
            the network's, which may be written to or set.
    """

    dropout: float | Sequence[float] = parameter(
        0.0,
        [SHARE, "array-like"],
        "share of a hidden layer's outputs that training drops; or of each",
    )

    def _network(self, features: int, outputs: int) -> Network:
        sizes = sizes_of(self.hidden_layer_sizes)
        if not all(isinstance(size, Integral) for size in sizes):
            raise ParameterError(f"hidden_layer_sizes: must be whole numbers, got {sizes}")
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        activations = _of_each("activation", self.activation, len(sizes))
        rates = _of_each("dropout", self.dropout, len(sizes))
        hidden = tuple(zip(map(int, sizes), activations, rates, strict=True))
        # A list may hold anything, also what has no hash; and a class of text that the user has
        # written would stay in the network of all later fits, and in their pickles.
        alike = type(self.activation) is str and isinstance(self.dropout, Real)
        return (_kept if alike else _built)(features, hidden, outputs)

    def _drawn(
        self, network: Network, random_state: np.random.RandomState, dtype: str
    ) -> NDArray[Any]:
        given = self.activation
        first = given if isinstance(given, str) else next(iter(given), "")
        logistic = first in (LOGISTIC, "sigmoid")
        return glorot_parameters(network, random_state, dtype, logistic=logistic)

    def _has_weights(self) -> bool:
        return "coefs_" in vars(self)

    def _attributes(self, model: Model) -> dict[str, Any]:
        views = model.network.layout.views(model.parameters)
        layers = dense_layers(model.network)
        coefs = [views[f"{index}.weight"].T for index in layers]
        intercepts = [views[f"{index}.bias"] for index in layers]
        shown = {"coefs_": coefs, "intercepts_": intercepts, "_shown": (*coefs, *intercepts)}
        return super()._attributes(model) | shown

    def _weights(self, network: Network) -> NDArray[Any]:
        if self._model is not None and self._are_shown():
            return super()._weights(network)
        return self._weights_set(network)

    def _weights_set(self, network: Network) -> NDArray[Any]:
        """Return the weights that the user has set, as a flat vector (P,)."""
        layers = dense_layers(network)
        given = {name: _arrays(name, getattr(self, name), len(layers)) for name in SHOWN}
        dtype = given["coefs_"][0].dtype if self._model is None else self._model.parameters.dtype
        parameters = network.layout.zeros(dtype if dtype == np.float32 else np.float64)
        views = network.layout.views(parameters)
        for index, weight, bias in zip(layers, *given.values(), strict=True):
            _copy("coefs_", weight, views[f"{index}.weight"].T)
            _copy("intercepts_", bias, views[f"{index}.bias"])
        return parameters

    def _are_shown(self) -> bool:
        """Return True if the user has set no weights since they were last shown."""
        if self.coefs_ is None or self.intercepts_ is None:
            return False
        given = (*self.coefs_, *self.intercepts_)
        return len(given) == len(self._shown) and all(map(is_, given, self._shown))

    def _trained(self) -> Model:
        model = super()._trained()
        if not self._are_shown():
            model = replace(model, parameters=self._weights_set(model.network))
            self.__dict__.update(self._attributes(model))
        return model

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the views of the weights, which a copy could not share with its model."""
        if self._model is not None:
            self._trained()
        state = super().__getstate__()
        shown = () if self._model is None else (*SHOWN, "_shown")
        return {name: value for name, value in state.items() if name not in shown}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Show the weights anew."""
        super().__setstate__(state)
        if self._model is not None:
            self.__dict__.update(self._attributes(self._model))


def _built(features: int, hidden: tuple[tuple[int, str, float], ...], outputs: int) -> Network:
    """Return the network of hidden layers, each of a size, an activation and a dropout rate."""
    layers: list[Layer] = []
    for size, activation, rate in hidden:
        layers.append(Dense(size, "sigmoid" if activation == LOGISTIC else activation))
        if rate:
            layers.append(Dropout(float(rate)))
    return Network((features,), (*layers, Dense(outputs)))


# They are frozen: fits of a search share one, and what it computes once, as its layout.
_kept = lru_cache(_KEPT_NETWORKS)(_built)


def sizes_of(hidden: int | Sequence[int]) -> list[int]:
    """Return the units of each hidden layer, of one where a number is given."""
    return list(hidden) if isinstance(hidden, Iterable) else [hidden]


def glorot_parameters(
    network: Network, random_state: np.random.RandomState, dtype: DTypeLike, *, logistic: bool
) -> NDArray[Any]:
    """Draw the weights and biases of dense layers; return the flat vector (P,).

    Uniform between +-sqrt(6 / (inputs + outputs)) of a layer; where hidden layers are logistic,
    +-sqrt(2 / (inputs + outputs)). Source: Glorot and Bengio (2010), as in scikit-learn.

    Args:
        network: of dense layers, and others without weights.
        random_state: drawn from, layer by layer.
        dtype: of the vector; draws are float64.
        logistic: whether the activation of hidden layers is, even where there are none.
    """
    parameters = network.layout.zeros(dtype)
    views = network.layout.views(parameters)
    factor = 2.0 if logistic else 6.0
    for index in dense_layers(network):
        weight, bias = views[f"{index}.weight"], views[f"{index}.bias"]
        bound = math.sqrt(factor / sum(weight.shape))
        weight[...] = random_state.uniform(-bound, bound, weight.shape[::-1]).T
        bias[...] = random_state.uniform(-bound, bound, bias.shape)
    return parameters


def dense_layers(network: Network) -> list[int]:
    """Return the indices of the dense layers."""
    return [index for index, layer in enumerate(network.layers) if isinstance(layer, Dense)]


def _of_each(name: str, given: Any, layers: int) -> list[Any]:
    """Return a value for each hidden layer."""
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        return [given] * layers
    each = list(given)
    if len(each) != layers:
        raise ParameterError(
            f"{name}: must be one for all hidden layers or one for each of {layers}, got "
            f"{len(each)}"
        )
    return each


def _arrays(name: str, given: Any, layers: int) -> list[NDArray[Any]]:
    """Return the arrays of the user, one for each layer."""
    arrays = [np.asarray(one) for one in given] if isinstance(given, Iterable) else []
    if len(arrays) != layers:
        raise ParameterError(
            f"{name}: must be {layers} arrays, one for each layer, got {len(arrays)}"
        )
    for array in arrays:
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise ParameterError(f"{name}: must be finite numbers, got others of {array.dtype}")
    return arrays


def _copy(name: str, given: NDArray[Any], place: NDArray[Any]) -> None:
    """Copy an array of the user into the flat vector."""
    if given.shape != place.shape:
        raise ParameterError(
            f"{name}: an array must have shape {place.shape} in this network, got {given.shape}"
        )
    place[...] = given
