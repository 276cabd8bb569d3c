"""Layers that compute nothing, or drop something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import decay_factor
from samplewise.network.layers.base import Layer, Shape, size_of


@dataclass(frozen=True)
class Flatten(Layer):
    """One row of all values. Dense layers flatten by themselves; this says it."""

    kind: ClassVar[str] = "flatten"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (values,)."""
        return (size_of(input_shape),)


@dataclass(frozen=True)
class Dropout(Layer):
    """In training, each value is 0 with probability `rate`, else times 1 / (1 - rate).

    Source: Srivastava et al. (2014), "Dropout". In prediction it leaves values alone. Which ones
    are dropped the engine decides, so all backends drop the same.

    Args:
        rate: in [0, 1).

    Raises:
        ParameterError: `rate` is out of range.
    """

    kind: ClassVar[str] = "dropout"
    differs_in_training: ClassVar[bool] = True

    rate: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", decay_factor("dropout: rate", self.rate))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape
