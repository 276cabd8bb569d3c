"""Small networks of every layer, each kind with and without the others."""

from __future__ import annotations

from collections.abc import Callable

from samplewise.network import (
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
    Network,
)

# Of an activation and the number of outputs.
Body = Callable[[str, int], Network]


def _deep(activation: str, outputs: int) -> Network:
    return Network((6,), (Dense(4, activation), Dense(3, activation), Dense(outputs)))


def _dropout(activation: str, outputs: int) -> Network:
    return Network((6,), (Dense(5, activation), Dropout(0.4), Dense(outputs)))


def _layer_norm(activation: str, outputs: int) -> Network:
    return Network((6,), (Dense(4, activation), LayerNorm(), Dense(outputs)))


def _flatten(activation: str, outputs: int) -> Network:
    return Network((1, 3, 2), (Flatten(), Dense(4, activation), Dense(outputs)))


def _padded_conv(activation: str, outputs: int) -> Network:
    layers = (Conv2D(2, (3, 2), 2, "same", activation), Dense(outputs))
    return Network((2, 4, 3), layers)


def _two_convs(activation: str, outputs: int) -> Network:
    """No dense layer."""
    layers = (
        Conv2D(2, (2, 2), 1, "valid", activation),
        Conv2D(outputs, (2, 2), 1, "same"),
        GlobalAvgPool(),
    )
    return Network((2, 4, 3), layers)


def _pooled_conv(activation: str, outputs: int) -> Network:
    layers = (Conv2D(2, (2, 2), 1, "same", activation), MaxPool2D((2, 2)), Dense(outputs))
    return Network((1, 5, 4), layers)


def _max_pool(activation: str, outputs: int) -> Network:
    return Network((2, 3, 4), (MaxPool2D((2, 2), 1), Dense(3, activation), Dense(outputs)))


def _avg_pool(activation: str, outputs: int) -> Network:
    return Network((2, 3, 2), (AvgPool2D((1, 2), 1), Dense(3, activation), Dense(outputs)))


def _global_avg_pool(activation: str, outputs: int) -> Network:
    return Network((4, 3, 2), (GlobalAvgPool(), Dense(4, activation), Dense(outputs)))


def _every_layer(activation: str, outputs: int) -> Network:
    layers = (
        Conv2D(2, (3, 2), 2, "same", activation),
        MaxPool2D((2, 2), 1),
        LayerNorm(),
        Dropout(0.2),
        Conv2D(2, (2, 2), 1, "same", activation),
        AvgPool2D((1, 2), 1),
        Flatten(),
        Dense(3, activation),
        Dense(outputs),
    )
    return Network((2, 6, 5), layers)


BODIES: dict[str, Body] = {
    "deep": _deep,
    "dropout": _dropout,
    "layer_norm": _layer_norm,
    "flatten": _flatten,
    "padded_conv": _padded_conv,
    "two_convs": _two_convs,
    "pooled_conv": _pooled_conv,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_avg_pool": _global_avg_pool,
    "every_layer": _every_layer,
}


# Which of the layers with weights are frozen; where none lies between, the first is.
PLACES: dict[str, slice] = {"first": slice(1), "between": slice(1, -1), "last": slice(-1, None)}


def with_frozen(network: Network, place: str) -> Network:
    """Return the network with some of its layers frozen; as it is where none would be trained.

    Args:
        network: without frozen layers.
        place: a key of `PLACES`.
    """
    pairs = enumerate(network.layers_and_inputs)
    having = [k for k, (layer, inputs) in pairs if layer.parameter_shapes(inputs)]
    frozen = having[PLACES[place]] or having[:1]
    if len(frozen) == len(having):
        return network
    layers = [layer.with_trainable(k not in frozen) for k, layer in enumerate(network.layers)]
    return Network(network.input_shape, tuple(layers))


def _hidden(*units: int) -> Callable[[str, int, int], Network]:
    def body(activation: str, inputs: int, outputs: int) -> Network:
        layers = [Dense(width, activation) for width in units]
        return Network((inputs,), (*layers, Dense(outputs)))

    return body


def _then_dropout(activation: str, inputs: int, outputs: int) -> Network:
    return Network((inputs,), (Dense(8, activation), Dropout(0.3), Dense(outputs)))


def _then_layer_norm(activation: str, inputs: int, outputs: int) -> Network:
    layers = (Dense(8, activation), LayerNorm(), Dense(5, activation), Dense(outputs))
    return Network((inputs,), layers)


# A dense layer first, which plans treat by itself; of an activation, inputs and outputs.
DENSE_FIRST: dict[str, Callable[[str, int, int], Network]] = {
    "no hidden layer": _hidden(),
    "5": _hidden(5),
    "17-1": _hidden(17, 1),
    "33-8": _hidden(33, 8),
    "dropout": _then_dropout,
    "layer_norm": _then_layer_norm,
}
