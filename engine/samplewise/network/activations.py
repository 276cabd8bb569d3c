"""Names of the activation functions. What each one computes is a backend's business.

| name | f(z) |
|---|---|
| identity | z |
| sigmoid | 1 / (1 + exp(-z)) |
| tanh | tanh(z) |
| relu | max(z, 0) |
| leaky_relu | z where z > 0, else 0.01 z |
| elu | z where z > 0, else exp(z) - 1 |
| selu | s z where z > 0, else s a (exp(z) - 1); Klambauer et al. (2017) |
| gelu | z Phi(z), with the normal distribution function; Hendrycks and Gimpel (2016) |
| gelu_tanh | z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2, their approximation |
| silu | z sigmoid(z) |
| softplus | log(1 + exp(z)) |

Where a function has a kink at 0, its slope there is that of the left side: 0 for relu.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samplewise.checks import one_of
from samplewise.errors import ParameterError
from samplewise.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ACTIVATIONS = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "softplus",
)
LEAK = 0.01
# The fixed point of mean 0 and variance 1.
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
GELU_CUBIC = 0.044715


@dataclass(frozen=True)
class OwnActivation:
    """An activation of the user's own, as NumPy functions of z, elementwise.

    Args:
        value: f(z).
        derivative: f'(z).
    """

    value: Callable[[NDArray[Any]], Any]
    derivative: Callable[[NDArray[Any]], Any]

    def of(self, z: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return value and derivative, in z's dtype."""
        return np.asarray(self.value(z), z.dtype), np.asarray(self.derivative(z), z.dtype)


OWN_ACTIVATIONS: dict[str, OwnActivation] = {}
"""Those that `register_activation` has made known in this process."""


def check_activation(name: object) -> str:
    """Return the name where it is one of `ACTIVATIONS`, or of the user's own.

    Raises:
        ParameterError: it is not; the message lists what is known.
    """
    try:
        return one_of("activation", name, (*ACTIVATIONS, *OWN_ACTIVATIONS))
    except ParameterError as error:
        raise ParameterError(
            f"{error}; one of your own is made known by samplewise.register_activation"
        ) from None
