"""Initial weights by name. Biases start at 0, and the scales of a normalisation at 1.

Sources: LeCun et al. (1998), "Efficient BackProp"; Glorot and Bengio (2010), "Understanding the
difficulty of training deep feedforward neural networks"; He et al. (2015), "Delving Deep into
Rectifiers"; Saxe et al. (2014), "Exact solutions to the nonlinear dynamics of learning in deep
linear neural networks", for `orthogonal`. `normal` is the report's N(0, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from samplewise.checks import one_of
from samplewise.lazy import np
from samplewise.network.network import Network

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import DTypeLike, NDArray

Fans = tuple[int, int]
Draw: TypeAlias = "Callable[[Generator, tuple[int, ...], Fans], NDArray[np.float64]]"


def _normal(deviation: Callable[[int, int], float]) -> Draw:
    def draw(rng: Generator, shape: tuple[int, ...], fans: Fans) -> NDArray[np.float64]:
        return rng.standard_normal(shape) * deviation(*fans)

    return draw


def _uniform(deviation: Callable[[int, int], float]) -> Draw:
    def draw(rng: Generator, shape: tuple[int, ...], fans: Fans) -> NDArray[np.float64]:
        # A uniform law on [-a, a] has deviation a / sqrt(3).
        limit = math.sqrt(3.0) * deviation(*fans)
        return rng.uniform(-limit, limit, shape)

    return draw


def _glorot(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2.0 / (fan_in + fan_out))


def _he(fan_in: int, fan_out: int) -> float:
    return math.sqrt(2.0 / fan_in)


def _lecun(fan_in: int, fan_out: int) -> float:
    return math.sqrt(1.0 / fan_in)


def _orthogonal(rng: Generator, shape: tuple[int, ...], fans: Fans) -> NDArray[np.float64]:
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = rng.standard_normal((max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(drawn)
    # Only with these signs is Q uniform over all orthogonal matrices.
    Q *= np.sign(np.diag(R))
    return (Q if rows >= columns else Q.T).reshape(shape)


INITIALIZERS: dict[str, Draw] = {
    "normal": _normal(lambda *_: 1.0),
    "glorot_normal": _normal(_glorot),
    "glorot_uniform": _uniform(_glorot),
    "he_normal": _normal(_he),
    "he_uniform": _uniform(_he),
    "lecun_normal": _normal(_lecun),
    "lecun_uniform": _uniform(_lecun),
    "orthogonal": _orthogonal,
    "zeros": lambda _, shape, __: np.zeros(shape),
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
    views = network.layout.views(parameters)
    for index, (layer, inputs) in enumerate(network.layers_and_inputs):
        if not layer.parameter_shapes(inputs):
            continue
        weight, fans = views[f"{index}.weight"], layer.fans(inputs)
        weight[...] = 1 if fans is None else draw(rng, weight.shape, fans)
    return parameters
