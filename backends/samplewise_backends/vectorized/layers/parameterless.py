"""What layers without weights have in common."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Matrix = NDArray[Any]
Given = tuple[NDArray[Any], ...]


class Parameterless:
    """A layer without weight and bias."""

    def gradients(self, A: Matrix, dZ: Matrix, given: Given, written: Given) -> None:
        """Write nothing: there are no parameters."""
