"""The dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import true_or_false, whole_number
from samplewise.network.activations import check_activation
from samplewise.network.layers.base import Layer, Shape, size_of


@dataclass(frozen=True)
class Dense(Layer):
    """Affine map followed by an activation: A = f(X W^T + b).

    Args:
        units: number of outputs O, at least 1.
        activation: one of `ACTIVATIONS`, or a custom one.
        trainable: False freezes the layer: training never changes its weights and biases.

    Raises:
        ParameterError: `units` or `activation` is out of range.
    """

    kind: ClassVar[str] = "dense"

    units: int
    activation: str = "identity"
    trainable: bool = True

    def __post_init__(self) -> None:
        # Python's own int: a description becomes JSON, which takes none of NumPy's.
        object.__setattr__(self, "units", whole_number("dense: units", self.units))
        check_activation(self.activation)
        true_or_false("dense: trainable", self.trainable)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (O,), of any input: it is flattened."""
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of `weight` (O, I) and `bias` (O,), laid out as in PyTorch."""
        return {"weight": (self.units, size_of(input_shape)), "bias": (self.units,)}

    def fans(self, input_shape: Shape) -> tuple[int, int]:
        """Return I and O."""
        return size_of(input_shape), self.units

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return the multiply-adds of one sample's forward pass."""
        return self.units * size_of(input_shape)
