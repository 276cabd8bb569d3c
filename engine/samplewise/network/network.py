"""The network: an input shape and layers, frozen and checked when built."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from samplewise.checks import items_of, must_be, one_of, printable, whole_numbers
from samplewise.errors import ParameterError
from samplewise.network.layers import LAYERS, Dense, Layer
from samplewise.network.layers.base import channels_first
from samplewise.network.layout import ParameterLayout, Slot
from samplewise.options.arguments import NamedArguments
from samplewise.options.fields import changed_fields

MAX_LAYERS = 1_000
MAX_DIMENSIONS = 8
# A float64 vector of this length takes 16 GiB, more than the machines this is for can train.
MAX_PARAMETERS = 2**31


@dataclass(frozen=True)
class Network(NamedArguments):
    """A feed-forward network; its last layer gives logits, to which the loss applies its link.

    Args:
        input_shape: shape of one sample, each length at least 1; one number for a flat sample.
        layers: at least one layer, in order.

    Raises:
        ParameterError: a shape or layer does not fit, or the network is too large to train.
    """

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        lengths = whole_numbers("input_shape", self.input_shape)
        if not 1 <= len(lengths) <= MAX_DIMENSIONS:
            raise ParameterError(
                f"input_shape: must hold 1 to {MAX_DIMENSIONS} lengths, got {len(lengths)}"
            )
        given: object = self.layers
        layers = items_of(given)
        if layers is None:
            example = _spelled(given) or "Dense(10, 'relu'), Dense(1)"
            raise ParameterError(must_be("layers", f"a list of layers, as in [{example}]", given))
        # Tuples of Python's own, whatever came: a network is hashed, compared and written as JSON.
        object.__setattr__(self, "input_shape", lengths)
        object.__setattr__(self, "layers", tuple(layers))
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise ParameterError(
                f"layers: must hold 1 to {MAX_LAYERS} layers, got {len(self.layers)}"
            )
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise ParameterError(f"'{printable(layer)}' is not a layer; use {_use(layer)}")
        if self.layout.parameters > MAX_PARAMETERS:
            raise ParameterError(
                f"the network has {self.layout.parameters:,} parameters "
                f"({self.layout.size * 8 / 2**30:.0f} GiB in float64), but at most "
                f"{MAX_PARAMETERS:,} can be trained; use smaller layers"
            )

    def __getstate__(self) -> dict[str, Any]:
        """Return the description; a copy finds again what follows from it."""
        return {"input_shape": self.input_shape, "layers": self.layers}

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of one sample at the input and after each layer; length layers + 1.

        Raises:
            ParameterError: a layer does not take the outputs of the one before.
        """
        shapes = [self.input_shape]
        for index, layer in enumerate(self.layers):
            try:
                shapes.append(layer.output_shape(shapes[-1]))
            except ParameterError as error:
                raise ParameterError(f"layer {index}: {error}{self.channels_hint}") from None
        return tuple(shapes)

    @cached_property
    def channels_hint(self) -> str:
        """End of a message where images seem to have their channels last, else an empty text."""
        shape = channels_first(self.input_shape)
        if shape is None or not any(layer.takes_images for layer in self.layers):
            return ""
        windows = {layer.window for layer in self.layers if layer.window is not None}
        # Those of a signal of several channels, which has the width 1, lie along it.
        if any(width == 1 < height for height, width in windows):
            return ""
        return (
            f"; for images of {shape[1]} x {shape[2]} pixels write input_shape={shape}, with the "
            "channels first, and give X.transpose(0, 3, 1, 2)"
        )

    @property
    def layers_and_inputs(self) -> Iterator[tuple[Layer, tuple[int, ...]]]:
        """Each layer with the shape of one sample at its input."""
        return zip(self.layers, self.shapes[:-1], strict=True)

    @cached_property
    def inputs(self) -> int:
        """Number of values in one sample."""
        return math.prod(self.input_shape)

    @cached_property
    def outputs(self) -> int:
        """Number of logits."""
        return math.prod(self.shapes[-1])

    @cached_property
    def differs_in_training(self) -> bool:
        """True if a layer computes something else in training, as dropout does."""
        return any(layer.differs_in_training for layer in self.layers)

    @cached_property
    def layout(self) -> ParameterLayout:
        """Names, shapes and offsets of the parameters: `0.weight`, `0.bias`, `1.weight`, ..."""
        return ParameterLayout.of(
            {
                f"{index}.{name}": shape
                for index, (layer, inputs) in enumerate(self.layers_and_inputs)
                for name, shape in layer.parameter_shapes(inputs).items()
            }
        )

    @cached_property
    def weights(self) -> tuple[Slot, ...]:
        """The slots that penalties shrink: trained weights of products, not biases or scales."""
        slots = {slot.name: slot for slot in self.layout.slots}
        return tuple(
            slots[f"{index}.weight"]
            for index, (layer, inputs) in enumerate(self.layers_and_inputs)
            if layer.trainable and layer.fans(inputs) is not None
        )

    @cached_property
    def trained(self) -> tuple[slice, ...]:
        """The parts of the flat vector that training changes, in order, none beside another.

        They begin and end on cache lines: one slice of everything where no layer is frozen.
        """
        parts: list[slice] = []
        ends = [slot.offset for slot in self.layout.slots[1:]] + [self.layout.size]
        for slot, end in zip(self.layout.slots, ends, strict=False):
            if not self.layers[int(slot.name.split(".")[0])].trainable:
                continue
            if parts and parts[-1].stop == slot.offset:
                parts[-1] = slice(parts[-1].start, end)
            else:
                parts.append(slice(slot.offset, end))
        return tuple(parts)

    @cached_property
    def first_trained(self) -> int:
        """Index of the first layer that training changes; the number of layers where there is none.

        No gradient is needed of the inputs of this layer, and of none below.
        """
        pairs = enumerate(self.layers_and_inputs)
        trained = (k for k, (layer, x) in pairs if layer.trainable and layer.parameter_shapes(x))
        return next(trained, len(self.layers))

    @cached_property
    def multiply_adds(self) -> int:
        """Multiply-adds of one sample's forward pass."""
        return sum(layer.multiply_adds(inputs) for layer, inputs in self.layers_and_inputs)

    def __str__(self) -> str:
        """Return the shapes, as in "784-10-1" or "1x28x28-8x26x26-10"."""
        return "-".join("x".join(map(str, shape)) for shape in self.shapes)

    def to_dict(self) -> dict[str, Any]:
        """Return the description as plain JSON values; `from_dict` reads it back."""
        layers = [{"kind": layer.kind, **_settings(layer)} for layer in self.layers]
        return {"input_shape": list(self.input_shape), "layers": layers}

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Network:
        """Build the network that `to_dict` described.

        Raises:
            ParameterError: a key is missing or unknown, or a value is out of range.
        """
        if set(description) != {"input_shape", "layers"}:
            raise ParameterError(
                f"a network has input_shape and layers, not {printable(sorted(description))}"
            )
        shape, layers = description["input_shape"], description["layers"]
        if not isinstance(shape, list) or not isinstance(layers, list):
            raise ParameterError("input_shape and layers of a network must be lists")
        if len(layers) > MAX_LAYERS:
            raise ParameterError(f"{len(layers)} layers, but at most {MAX_LAYERS} are allowed")
        return cls(tuple(shape), tuple(_layer(entry) for entry in layers))


def _spelled(text: object) -> str:
    """Return the layers that a text describes as Python has them; "" where it describes none."""
    from samplewise.network.layer_spec import layers_from

    try:
        layers = layers_from(text) if isinstance(text, str) else ()
    except ParameterError:
        return ""
    return ", ".join(map(_as_python, layers))


def _use(given: object) -> str:
    """Return the text to write in place of something that is not a layer."""
    known = ", ".join(kind.__name__ for kind in LAYERS.values())
    return _spelled(given) or f"Dense(...) or another of {known}"


def _as_python(layer: Layer) -> str:
    """Return the call that makes a layer, such as "Dense(units=3)", without defaults."""
    given = [f"{name}={value!r}" for name, value in changed_fields(layer).items()]
    return f"{type(layer).__name__}({', '.join(given)})"


def _settings(layer: Layer) -> dict[str, Any]:
    """Return the fields of a layer; `trainable` only where it is frozen, as in older files."""
    settings = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
    if layer.trainable:
        settings.pop("trainable", None)
    return settings


def _layer(entry: object) -> Layer:
    if not isinstance(entry, dict):
        raise ParameterError(must_be("a layer", "a table", entry))
    settings = dict(entry)
    kind = LAYERS[one_of("kind of a layer", settings.pop("kind", None), LAYERS)]
    fields = {field.name for field in dataclasses.fields(kind)}
    needed, may = fields - {"trainable"}, " and may have trainable" * ("trainable" in fields)
    if not needed <= set(settings) <= fields:
        raise ParameterError(
            f"a {kind.kind} layer has {', '.join(sorted(needed))}{may}, "
            f"not {printable(sorted(settings))}"
        )
    return kind(**settings)


def multilayer_perceptron(
    inputs: int, hidden: int | Sequence[int], outputs: int, activation: str = "sigmoid"
) -> Network:
    """Return dense layers of `hidden` units with `activation`, then `outputs` logits.

    Args:
        inputs: number of values in a sample.
        hidden: units of each hidden layer, one number for one layer; empty gives a linear model.
        outputs: number of logits.
        activation: of every hidden layer.

    Raises:
        ParameterError: as `Network` and `Dense`.
    """
    layers = [Dense(units, activation) for units in whole_numbers("hidden", hidden)]
    return Network((inputs,), (*layers, Dense(outputs)))
