"""What layers without weights have in common."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class Parameterless:
    """A layer without weight and bias."""

    def gradients(self, a: Array, dz: Array, given: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return nothing: there are no parameters."""
        del a, dz, given
        return ()
