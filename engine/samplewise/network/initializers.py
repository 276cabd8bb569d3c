"""Initial weights by name. Biases start at 0.

Sources: LeCun et al. (1998), "Efficient BackProp"; Glorot and Bengio (2010), "Understanding the
difficulty of training deep feedforward neural networks"; He et al. (2015), "Delving Deep into
Rectifiers". `normal` is the report's N(0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from samplewise.checks import one_of
from samplewise.network.network import Network

Draw = Callable[[Generator, tuple[int, int]], NDArray[np.float64]]


def _normal(deviation: Callable[[int, int], float]) -> Draw:
    def draw(rng: Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        fan_out, fan_in = shape
        return rng.standard_normal(shape) * deviation(fan_in, fan_out)

    return draw


def _uniform(deviation: Callable[[int, int], float]) -> Draw:
    def draw(rng: Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
        fan_out, fan_in = shape
        # A uniform law on [-a, a] has deviation a / sqrt(3).
        limit = math.sqrt(3.0) * deviation(fan_in, fan_out)
        return rng.uniform(-limit, limit, shape)

    return draw


def _unit(fan_in: int, fan_out: int) -> float:
    del fan_in, fan_out
    return 1.0


def _glorot(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2.0 / (fan_in + fan_out))


def _he(fan_in: int, fan_out: int) -> float:
    del fan_out
    return math.sqrt(2.0 / fan_in)


def _lecun(fan_in: int, fan_out: int) -> float:
    del fan_out
    return math.sqrt(1.0 / fan_in)


def _zeros(rng: Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    del rng
    return np.zeros(shape)


INITIALIZERS: dict[str, Draw] = {
    "normal": _normal(_unit),
    "glorot_normal": _normal(_glorot),
    "glorot_uniform": _uniform(_glorot),
    "he_normal": _normal(_he),
    "he_uniform": _uniform(_he),
    "lecun_normal": _normal(_lecun),
    "lecun_uniform": _uniform(_lecun),
    "zeros": _zeros,
}


def initialize(network: Network, init: str, rng: Generator, dtype: DTypeLike) -> NDArray[Any]:
    """Draw the initial parameters of a network.

    Args:
        network: whose layout is filled.
        init: one of `INITIALIZERS`.
        rng: the stream named "init".
        dtype: float64 or float32. Draws are float64 and rounded, so both start from one network.

    Returns:
        Flat vector of shape (P,), 64-byte aligned; weights drawn layer by layer, biases 0.

    Raises:
        ParameterError: `init` is unknown.
    """
    draw = INITIALIZERS[one_of("init", init, INITIALIZERS)]
    parameters = network.layout.zeros(dtype)
    for name, view in network.layout.views(parameters).items():
        if name.endswith(".weight"):
            view[...] = draw(rng, view.shape)
    return parameters
