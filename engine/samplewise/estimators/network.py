"""Estimators of any network: a stack of layers that the user gives, and one for images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import StrOptions

from samplewise.data.rows import transposing
from samplewise.errors import ParameterError
from samplewise.estimators.classifier import Classifier
from samplewise.estimators.estimator import Estimator
from samplewise.estimators.parameters import (
    SHARE,
    WHOLE,
    Names,
    documented,
    number_loss,
    parameter,
)
from samplewise.estimators.perceptron import sizes_of
from samplewise.estimators.regressor import Regressor
from samplewise.estimators.tasks import LARGEST_SEED
from samplewise.network import (
    ACTIVATIONS,
    INITIALIZERS,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Loss,
    MaxPool2D,
    Network,
    initialize,
)
from samplewise.network.activations import CUSTOM
from samplewise.streams import Streams
from samplewise.text import counted
from samplewise.training.notes import warn_of

DEFAULT_LAYERS = (Dense(100, "relu"),)
_NETWORK = [Network, "array-like"]
_NETWORK_HELP = (
    "hidden layers of rows of numbers, which a Dense layer of the outputs follows; or a whole "
    "samplewise.Network, of images for one"
)


@dataclass(eq=False, repr=False, kw_only=True)
class AnyNetwork(Estimator):
    """A network whose weights are drawn by the engine; rows may have the shape of its input."""

    _shape_from: ClassVar[str]
    """The argument that says this shape, for messages."""

    init: str = parameter(
        "glorot_uniform",
        [StrOptions(set(INITIALIZERS))],
        "initial weights, by a name of samplewise.network.INITIALIZERS; biases are 0",
    )

    def _drawn(
        self, network: Network, random_state: np.random.RandomState, dtype: str
    ) -> NDArray[Any]:
        rng = Streams(int(random_state.randint(LARGEST_SEED))).of_run("init")
        return initialize(network, self.init, rng, dtype)

    def _shape(self) -> tuple[int, ...]:
        """Return the shape of an input; empty where rows are flat."""
        raise NotImplementedError

    def _flat(self, X: Any) -> Any:
        shape, given = self._shape(), np.shape(X) if hasattr(X, "shape") else ()
        if len(given) < 3:
            return X
        if not shape:
            raise ValueError(
                f"X has shape {given}, but {type(self).__name__} takes flat rows only, unless it "
                f"is given {self._shape_from}"
            )
        if given[1:] != shape and not (shape[0] == 1 and given[1:] == shape[1:]):
            as_many = math.prod(given[1:]) == math.prod(shape)
            remedy = f"; {transposing('X', given[1:], shape)}" if as_many else ""
            raise ValueError(
                f"X has shape {given}, but {type(self).__name__} is expecting (rows, "
                f"{math.prod(shape)}) or rows of {shape} as input{remedy}"
            )
        return np.reshape(X, (len(X), -1))


@dataclass(eq=False, repr=False, kw_only=True)
class GivenNetwork(AnyNetwork):
    """The network of the parameter `network`."""

    _shape_from: ClassVar[str] = "a whole samplewise.Network, which has the shape of an input"

    def _shape(self) -> tuple[int, ...]:
        given = self.network
        return given.input_shape if isinstance(given, Network) else ()

    def _network(self, features: int, outputs: int) -> Network:
        given = self.network
        if not isinstance(given, Network):
            return Network((features,), (*given, Dense(outputs)))
        if (given.inputs, given.outputs) != (features, outputs):
            raise ParameterError(
                f"network: must have {counted(features, 'input')} and {counted(outputs, 'output')} "
                f"for X and y, got {given.inputs} and {given.outputs}"
            )
        return given


@documented
@dataclass(eq=False, repr=False)
class NeuralNetClassifier(Classifier, GivenNetwork):
    """Any network that learns classes.

    Two classes take one output, more take one each, and so do several labels. The last layer of a
    whole network gives logits: its activation is the identity.
    """

    network: Network | Sequence[Layer] = parameter(DEFAULT_LAYERS, _NETWORK, _NETWORK_HELP)


@documented
@dataclass(eq=False, repr=False)
class NeuralNetRegressor(Regressor, GivenNetwork):
    """Any network that learns numbers, an output each."""

    network: Network | Sequence[Layer] = parameter(DEFAULT_LAYERS, _NETWORK, _NETWORK_HELP)
    loss: str | Loss = number_loss()


@documented
@dataclass(eq=False, repr=False)
class CNNClassifier(Classifier, AnyNetwork):
    """A convolutional network that learns classes of images.

    For each number of `filters`, a convolution that keeps the size and the largest of each 2 x 2
    values; then hidden layers. X is (n, pixels), (n, height, width) or (n, channels, height,
    width).
    """

    _shape_from: ClassVar[str] = "input_shape=(height, width) or (channels, height, width)"

    input_shape: Sequence[int] | None = parameter(
        None,
        ["array-like", None],
        "height and width of an image, after the channels where there are several; None takes "
        "squares of flat rows, or else, with a warning, rows as images of height 1",
    )
    filters: Sequence[int] = parameter((8, 16), ["array-like"], "channels of each convolution")
    kernel_size: int = parameter(3, [WHOLE], "height and width of the kernels")
    hidden_layer_sizes: int | Sequence[int] = parameter(
        (64,), ["array-like", WHOLE], "units of each hidden layer after them"
    )
    activation: str = parameter(
        "relu", [Names(lambda: {*ACTIVATIONS, *CUSTOM})], "of convolutions and hidden layers"
    )
    dropout: float = parameter(0.0, [SHARE], "share of each hidden layer that training drops")

    def _shape(self) -> tuple[int, ...]:
        if self.input_shape is None:
            return ()
        shape = tuple(self.input_shape)
        if len(shape) not in (2, 3):
            raise ParameterError(
                f"input_shape: must be (height, width) or (channels, height, width), got {shape}"
            )
        return (1, *shape) if len(shape) == 2 else shape

    def _network(self, features: int, outputs: int) -> Network:
        shape = self._shape() or _guessed_shape(features)
        layers: list[Layer] = []
        _, height, width = shape
        for filters in self.filters:
            layers.append(
                Conv2D(filters, (self.kernel_size,) * 2, padding="same", activation=self.activation)
            )
            if min(height, width) > 1:
                layers.append(MaxPool2D((2, 2)))
                height, width = height // 2, width // 2
        layers.append(Flatten())
        for size in sizes_of(self.hidden_layer_sizes):
            layers.append(Dense(size, self.activation))
            if self.dropout:
                layers.append(Dropout(self.dropout))
        return Network(shape, (*layers, Dense(outputs)))


def _guessed_shape(features: int) -> tuple[int, int, int]:
    """Return the shape of an image in a flat row: a square, or with a warning one line."""
    side = math.isqrt(features)
    if side * side == features:
        return 1, side, side
    note = (
        f"input_shape: rows of {counted(features, 'value')} are not square images, and are taken "
        f"as images of 1 x {features} pixels; give input_shape=(height, width) or (channels, "
        "height, width)"
    )
    warn_of([note])
    return 1, 1, features
