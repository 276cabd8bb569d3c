"""The network of an experiment, whose inputs and outputs the data decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from samplewise.errors import ParameterError
from samplewise.network import ACTIVATIONS, Network, multilayer_perceptron
from samplewise.network.activations import check_activation
from samplewise.options.fields import documented, option
from samplewise.options.kinds import WHOLES, choice, text
from samplewise.options.settings import Settings
from samplewise.text import counted

_MOST_BUILT = 64
"""Networks that are kept for the next experiment with the same one."""


def _activation(_name: str, given: object) -> str:
    return check_activation(given)


def _layers(name: str, given: object) -> str:
    from samplewise.checks import text as text_of
    from samplewise.network.layer_spec import layers_from

    words = text_of(name, given, "dense 10 relu, dense 1")
    layers_from(words)
    return words


@documented
@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Settings):
    """The network, apart from its inputs and outputs.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    PANEL = "Network"

    hidden: tuple[int, ...] = option(
        (10,), WHOLES, "units of the hidden layers, as in 10 or 128,32 or none"
    )
    activation: str = option(
        "sigmoid", choice(ACTIVATIONS, _activation), "activation of the hidden layers"
    )
    layers: str | None = option(
        None,
        text(_layers),
        "all layers instead of hidden and activation, as in 'conv 8x3 relu, pool 2, dense 10'; "
        "images come as (1, height, width)",
        shown="made from hidden",
    )

    def build(self, features: int, image_shape: tuple[int, int] | None, outputs: int) -> Network:
        """Return the network for rows of so many features, and for so many logits.

        Raises:
            ParameterError: the layers do not fit.
        """
        # They are frozen: trials of a sweep share one, and what it computes once, as its layout.
        return _built(self, features, image_shape, outputs)


@lru_cache(maxsize=_MOST_BUILT)
def _built(
    settings: NetworkSettings, features: int, image_shape: tuple[int, int] | None, outputs: int
) -> Network:
    if settings.layers is None:
        return multilayer_perceptron(features, settings.hidden, outputs, settings.activation)
    from samplewise.network.layer_spec import layers_from

    shape = (features,) if image_shape is None else (1, *image_shape)
    network = Network(shape, layers_from(settings.layers))
    if network.outputs != outputs:
        raise ParameterError(
            f"layers end in {counted(network.outputs, 'output')}, but loss and classes "
            f"need {outputs}; end them with dense {outputs}"
        )
    return network
