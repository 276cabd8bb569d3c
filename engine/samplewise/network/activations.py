"""Names of the activation functions, which backends compute.

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

Where a function has a kink at 0, its derivative there is that of the left side: 0 for relu.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any

from samplewise.checks import listed, must_be
from samplewise.errors import ParameterError
from samplewise.registered import registered

if TYPE_CHECKING:
    from samplewise.network.custom.kinds import CustomActivation

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


CUSTOM: dict[str, CustomActivation] = {}
"""The activations that `register_activation` has added in this process."""


def check_activation(name: object) -> str:
    """Return the name where it is one of `ACTIVATIONS`, or a custom one.

    Raises:
        ParameterError: it is not; the message lists the known names.
    """
    # A view, which grows where an installed package registers its own.
    known: ChainMap[str, Any] = ChainMap(CUSTOM, dict.fromkeys(ACTIVATIONS))
    if isinstance(name, str) and name not in known and "softmax" in name.lower():
        remedy = "leave it out, since a loss of classes takes logits and applies the softmax"
        raise ParameterError(must_be("activation", f"one of {listed(known)}", name, remedy))
    return registered("activation", name, known)
