"""One configuration: data, network and training settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from samplewise.checks import one_of, open_fraction, printable, text, true_or_false, whole_numbers
from samplewise.data.preprocessing import PREPROCESSING
from samplewise.data.sources.options import SourceOptions, parsed_size
from samplewise.errors import ParameterError
from samplewise.network import ClassLoss, Network, multilayer_perceptron
from samplewise.network.activations import check_activation
from samplewise.network.layer_spec import layers_from
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.settings.words import keep


@dataclass(frozen=True, kw_only=True)
class Experiment(TrainingSettings):
    """All that decides a run, the same words in Python, TOML and on the command line.

    Args:
        data: a source's name or a path, as `samplewise.data.loading.load` takes it.
        classes: names of the classes to keep, at least two; None keeps all.
        label: name of the label column of a table; None looks for the usual names.
        drop: names of columns of a table to leave out.
        image_size: height and width of the rows of a folder of images, as "28x28".
        fit: how images of another shape are brought to it, a name of `FITS`.
        full_scale: value of a white pixel of an array; None goes by the type of the source.
        preprocess: a name of `PREPROCESSING`.
        split: share of the rows kept for testing, in (0, 1).
        stratify: split every class in the same proportion.
        hidden: units of each hidden layer; empty for none.
        activation: of the hidden layers.
        layers: all layers as `network.layer_words` reads them, the one of the logits too, instead
            of `hidden` and `activation`; images come as (1, height, width). None takes those.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    data: str = "synthetic"
    classes: tuple[str, ...] | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    image_size: str = "28x28"
    fit: str = "stretch"
    full_scale: float | None = None
    preprocess: str = "auto"
    split: float = 0.2
    stratify: bool = False
    hidden: tuple[int, ...] = (10,)
    activation: str = "sigmoid"
    layers: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.data, os.PathLike):
            keep(self, data=os.fspath(self.data))
        if not isinstance(self.data, str) or not self.data:
            raise ParameterError(
                f"data is {printable(self.data) or 'empty'}, but must name a source or a path"
            )
        self._check_classes()
        self.source_options()
        one_of("preprocess", self.preprocess, PREPROCESSING)
        open_fraction("split", self.split)
        true_or_false("stratify", self.stratify)
        keep(self, hidden=whole_numbers("hidden", self.hidden))
        check_activation(self.activation)
        if self.layers is not None:
            layers_from(text("layers", self.layers, "dense 10 relu, dense 1"))

    def source_options(self) -> SourceOptions:
        """Return how `data` is read."""
        return SourceOptions(
            numbers=not isinstance(self.loss_for(1), ClassLoss),
            label=self.label,
            drop=self.drop,
            image_size=parsed_size(self.image_size),
            fit=self.fit,
            full_scale=self.full_scale,
        )

    def network(self, features: int, image_shape: tuple[int, int] | None, outputs: int) -> Network:
        """Return the network for rows of so many features, and for so many logits.

        Raises:
            ParameterError: the layers do not fit.
        """
        if self.layers is None:
            return multilayer_perceptron(features, self.hidden, outputs, self.activation)
        shape = (features,) if image_shape is None else (1, *image_shape)
        network = Network(shape, layers_from(self.layers))
        if network.outputs != outputs:
            raise ParameterError(
                f"layers end in {network.outputs} outputs, but loss and classes need {outputs}; "
                f"end them with dense {outputs}"
            )
        return network

    def _check_classes(self) -> None:
        given: Any = self.classes
        if given is None:
            return
        if isinstance(given, list):
            keep(self, classes=tuple(given))
        if not isinstance(self.classes, tuple) or not all(
            isinstance(name, str) for name in self.classes
        ):
            raise ParameterError(
                f"classes is '{printable(self.classes)}', but must be texts, as in ('4', '9')"
            )
        if len(self.classes) < 2:
            raise ParameterError(
                f"classes names {len(self.classes)} class, but telling apart needs at least two"
            )
