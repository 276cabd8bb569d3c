"""The layers of a network and their costs, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

from samplewise.network.layer_spec import layer_spec
from samplewise.network.layers.base import Layer, Shape, size_of
from samplewise.network.network import Network


@dataclass(frozen=True)
class LayerSummary:
    """A layer in figures, of one sample.

    Args:
        spec: as `layer_spec` writes it.
        output_shape: of its output.
        parameters: values, trained or frozen.
        frozen: those of them that training never changes.
        multiply_adds: of the forward pass.
        value_bytes: of its output.
    """

    spec: str
    output_shape: Shape
    parameters: int
    frozen: int
    multiply_adds: int
    value_bytes: int


def summarize(network: Network, itemsize: int) -> list[LayerSummary]:
    """Return a row for each layer."""
    pairs = zip(network.layers_and_inputs, network.shapes[1:], strict=True)
    return [_summary(*before, output, itemsize) for before, output in pairs]


def _summary(layer: Layer, inputs: Shape, output: Shape, itemsize: int) -> LayerSummary:
    parameters = sum(map(size_of, layer.parameter_shapes(inputs).values()))
    return LayerSummary(
        spec=layer_spec((layer,)),
        output_shape=output,
        parameters=parameters,
        frozen=0 if layer.trainable else parameters,
        multiply_adds=layer.multiply_adds(inputs),
        value_bytes=size_of(output) * itemsize,
    )


def training_bytes(network: Network, slots: int, batch_size: int, itemsize: int) -> int:
    """Return the approximate memory of training beside the data; backends differ in scratch.

    Parameters, gradient and the optimizer's slots; the values of a batch, forward and backward.
    """
    values = sum(map(size_of, network.shapes))
    return ((2 + slots) * network.layout.size + 2 * batch_size * values) * itemsize
