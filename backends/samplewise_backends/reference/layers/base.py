"""The forms of a layer of one sample.

    z, backward = forward(x, *parameters)
    gradients, dx = backward(dz)

`backward` holds what `forward` computed, so nothing is computed twice. It returns the gradients of
the parameters, weight and bias or none, and a function for d loss / d x, since the first layer of a
network needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
Parameters = tuple[Array, ...]
Gradients = tuple[Parameters, Callable[[], Array]]
Backward = Callable[[Array], Gradients]
Forward = Callable[..., tuple[Array, Backward]]


def parameterless(input_gradient: Callable[[Array], Array]) -> Backward:
    """Return the backward pass of a layer without parameters, from d loss / d x by dz."""
    return lambda dz: ((), lambda: input_gradient(dz))
