"""Layer normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import positive_number, true_or_false
from samplewise.network.layers.base import Layer, Shape


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Each sample less its mean, by its standard deviation, times a scale, plus a shift.

        y = w (x - mean) / sqrt(variance + epsilon) + b, over all values of a sample

    Source: Ba, Kiros, Hinton (2016), "Layer Normalization". It couples no samples, unlike batch
    normalisation, so a batch of one works. Scales start at 1 and shifts at 0.

    Args:
        epsilon: above 0; keeps a constant sample from dividing by 0.
        trainable: False freezes the layer: training never changes its scales and shifts.

    Raises:
        ParameterError: `epsilon` is out of range.
    """

    kind: ClassVar[str] = "layer_norm"

    epsilon: float = 1e-5
    trainable: bool = True

    def __post_init__(self) -> None:
        epsilon = positive_number("layer_norm: epsilon", self.epsilon)
        object.__setattr__(self, "epsilon", epsilon)
        true_or_false("layer_norm: trainable", self.trainable)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of `weight` and `bias`, both the input's."""
        return {"weight": input_shape, "bias": input_shape}
