"""Layers: frozen descriptions that know their shapes and nothing of how they are computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import one_of, whole_number
from samplewise.network.activations import ACTIVATIONS


@dataclass(frozen=True)
class Dense:
    """Affine map followed by an activation: A = f(X W^T + b).

    Args:
        units: number of outputs O, at least 1.
        activation: one of `ACTIVATIONS`.

    Raises:
        ParameterError: `units` or `activation` is out of range.
    """

    kind: ClassVar[str] = "dense"

    units: int
    activation: str = "identity"

    def __post_init__(self) -> None:
        # Python's own int: a description becomes JSON, which takes none of NumPy's.
        object.__setattr__(self, "units", whole_number("units of a dense layer", self.units))
        one_of("activation", self.activation, ACTIVATIONS)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one sample's output, (O,)."""
        del input_shape  # any input is flattened
        return (self.units,)

    def parameter_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of `weight` (O, I) and `bias` (O,), laid out as in PyTorch."""
        return {"weight": (self.units, math.prod(input_shape)), "bias": (self.units,)}

    def multiply_adds(self, input_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one sample's forward pass."""
        return self.units * math.prod(input_shape)


Layer = Dense
LAYERS: dict[str, type[Layer]] = {Dense.kind: Dense}
