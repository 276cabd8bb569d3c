"""Networks as an `nn.Sequential` of PyTorch: its modules as Python text, and their parameters.

Images have the channels first in both, and both flatten them in the same order, so that weights
are equal as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samplewise.errors import ParameterError
from samplewise.network import (
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LayerNorm,
    MaxPool2D,
    Network,
)
from samplewise.network.activations import LEAK
from samplewise.network.layers.base import Shape, size_of

_FLATTEN = "nn.Flatten()"
_ACTIVATIONS = {
    "sigmoid": "nn.Sigmoid()",
    "tanh": "nn.Tanh()",
    "relu": "nn.ReLU()",
    "leaky_relu": f"nn.LeakyReLU({LEAK})",
    "elu": "nn.ELU()",
    "selu": "nn.SELU()",
    "gelu": "nn.GELU()",
    "gelu_tanh": 'nn.GELU(approximate="tanh")',
    "silu": "nn.SiLU()",
    # Above its threshold PyTorch takes z itself, which at its own 20 is 2e-9 off.
    "softplus": "nn.Softplus(threshold=40)",
}


def modules_of(network: Network, where: str) -> list[tuple[str, int | None]]:
    """Return the modules that compute the logits of a network, in Python.

    Each is a text that makes it, and the index of the layer whose parameters it has, or None.

    Raises:
        ParameterError: PyTorch has no such activation or layer.
    """
    modules: list[tuple[str, int | None]] = []
    for index, (layer, shape) in enumerate(network.layers_and_inputs):
        place = f"{where}: layer {index}"
        *before, text = _texts(layer, shape, place)
        holds = index if layer.parameter_shapes(shape) else None
        modules += [*((one, None) for one in before), (text, holds)]
        modules += [(one, None) for one in _activation(layer, place)]
    return modules


def parameter_names(network: Network, where: str) -> dict[str, str]:
    """Return PyTorch's name of each parameter by that of `network.layout`.

    Raises:
        ParameterError: as `modules_of`.
    """
    places = {layer: place for place, (_, layer) in enumerate(modules_of(network, where))}
    split = [slot.name.split(".") for slot in network.layout.slots]
    return {f"{layer}.{kind}": f"{places[int(layer)]}.{kind}" for layer, kind in split}


def _texts(layer: Layer, shape: Shape, where: str) -> list[str]:
    """Return the modules of a layer without its activation; the last one has its parameters."""
    if type(layer) not in _KINDS:
        raise ParameterError(f"{where} is of kind {layer.kind}, which PyTorch does not have")
    return _KINDS[type(layer)](layer, shape)


def _activation(layer: Layer, where: str) -> list[str]:
    if layer.activation == "identity":
        return []
    if layer.activation not in _ACTIVATIONS:
        raise ParameterError(
            f"{where} has the activation {layer.activation}, but PyTorch has "
            f"{', '.join(_ACTIVATIONS)} only"
        )
    return [_ACTIVATIONS[layer.activation]]


def _dense(layer: Dense, shape: Shape) -> list[str]:
    before = [_FLATTEN] if len(shape) > 1 else []
    return [*before, f"nn.Linear({size_of(shape)}, {layer.units})"]


def _conv(layer: Conv2D, shape: Shape) -> list[str]:
    (above, below), (left, right) = layer.pads(shape)
    # Of an odd number of zeros, "same" puts one more behind, which Conv2d cannot.
    zeros = f"nn.ZeroPad2d(({left}, {right}, {above}, {below}))"
    before = [zeros] if above + below + left + right else []
    return [*before, f"nn.Conv2d({shape[0]}, {layer.filters}, {layer.kernel}, {layer.stride})"]


_KINDS: dict[type[Layer], Callable[[Any, Shape], list[str]]] = {
    Dense: _dense,
    Conv2D: _conv,
    MaxPool2D: lambda layer, _: [f"nn.MaxPool2d({layer.size}, {layer.step})"],
    AvgPool2D: lambda layer, _: [f"nn.AvgPool2d({layer.size}, {layer.step})"],
    GlobalAvgPool: lambda *_: ["nn.AdaptiveAvgPool2d(1)", _FLATTEN],
    Flatten: lambda *_: [_FLATTEN],
    Dropout: lambda layer, _: [f"nn.Dropout({layer.rate})"],
    LayerNorm: lambda layer, shape: [f"nn.LayerNorm({list(shape)}, eps={layer.epsilon})"],
}
