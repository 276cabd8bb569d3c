"""Networks as an `nn.Sequential` of PyTorch: its modules as Python text, and their parameters.

Images have the channels first in both, and both flatten them in the same order, so that weights
are equal as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Module:
    """One module of an `nn.Sequential`.

    Args:
        text: that makes it, in Python.
        layer: index of the layer whose parameters it has; None where it has none.
    """

    text: str
    layer: int | None = None


def modules_of(network: Network, where: str) -> list[Module]:
    """Return the modules that compute the logits of a network.

    Raises:
        ParameterError: PyTorch has no such activation or layer.
    """
    modules = []
    for index, (layer, shape) in enumerate(network.layers_and_inputs):
        before, text, after = _texts(layer, shape, f"{where}: layer {index}")
        holds = index if layer.parameter_shapes(shape) else None
        modules += [*map(Module, before), Module(text, holds), *map(Module, after)]
    return modules


def parameter_names(network: Network, where: str) -> dict[str, str]:
    """Return PyTorch's name of each parameter by that of `network.layout`.

    Raises:
        ParameterError: as `modules_of`.
    """
    modules = modules_of(network, where)
    places = {module.layer: place for place, module in enumerate(modules)}
    split = [slot.name.split(".") for slot in network.layout.slots]
    return {f"{layer}.{kind}": f"{places[int(layer)]}.{kind}" for layer, kind in split}


def _texts(layer: Layer, shape: Shape, where: str) -> tuple[list[str], str, list[str]]:
    """Return the module of a layer, and those before and after it."""
    if type(layer) not in _KINDS:
        raise ParameterError(f"{where} is of kind {layer.kind}, which PyTorch does not have")
    before, text, after = _KINDS[type(layer)](layer, shape)
    if layer.activation != "identity":
        if layer.activation not in _ACTIVATIONS:
            raise ParameterError(
                f"{where} has the activation {layer.activation}, but PyTorch has "
                f"{', '.join(_ACTIVATIONS)} only"
            )
        after = [*after, _ACTIVATIONS[layer.activation]]
    return before, text, after


def _dense(layer: Dense, shape: Shape) -> tuple[list[str], str, list[str]]:
    before = [_FLATTEN] if len(shape) > 1 else []
    return before, f"nn.Linear({size_of(shape)}, {layer.units})", []


def _conv(layer: Conv2D, shape: Shape) -> tuple[list[str], str, list[str]]:
    (above, below), (left, right) = layer.pads(shape)
    # Of an odd number of zeros, "same" puts one more behind, which Conv2d cannot.
    before = (
        [f"nn.ZeroPad2d(({left}, {right}, {above}, {below}))"]
        if above + below + left + right
        else []
    )
    return before, f"nn.Conv2d({shape[0]}, {layer.filters}, {layer.kernel}, {layer.stride})", []


def _pool(layer: MaxPool2D | AvgPool2D, _: Shape) -> tuple[list[str], str, list[str]]:
    name = "MaxPool2d" if isinstance(layer, MaxPool2D) else "AvgPool2d"
    return [], f"nn.{name}({layer.size}, {layer.step})", []


def _mean(_: GlobalAvgPool, __: Shape) -> tuple[list[str], str, list[str]]:
    return [], "nn.AdaptiveAvgPool2d(1)", [_FLATTEN]


def _flatten(_: Flatten, __: Shape) -> tuple[list[str], str, list[str]]:
    return [], _FLATTEN, []


def _dropout(layer: Dropout, _: Shape) -> tuple[list[str], str, list[str]]:
    return [], f"nn.Dropout({layer.rate})", []


def _layer_norm(layer: LayerNorm, shape: Shape) -> tuple[list[str], str, list[str]]:
    return [], f"nn.LayerNorm({list(shape)}, eps={layer.epsilon})", []


_KINDS: dict[type[Layer], Callable[[Any, Shape], tuple[list[str], str, list[str]]]] = {
    Dense: _dense,
    Conv2D: _conv,
    MaxPool2D: _pool,
    AvgPool2D: _pool,
    GlobalAvgPool: _mean,
    Flatten: _flatten,
    Dropout: _dropout,
    LayerNorm: _layer_norm,
}
