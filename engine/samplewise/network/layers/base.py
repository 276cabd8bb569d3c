"""The description of a layer: shapes and costs, and nothing of how it is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

from samplewise.errors import ParameterError
from samplewise.options.arguments import NamedArguments

Shape = tuple[int, ...]
# The name of a layer's option among capabilities, and its word in a text.
FROZEN = "frozen"
# Of images: numbers of channels, the least height or width, and the greatest ratio of both.
CHANNELS, SMALLEST_SIDE, LARGEST_RATIO = (1, 3, 4), 8, 2


@dataclass(frozen=True)
class Layer(NamedArguments):
    """A frozen description; a subclass has the layer's settings as fields, and one `kind`.

    Shapes are those of one sample, without the batch. Images are (channels, height, width).
    """

    kind: ClassVar[str]
    # Whether training computes something else than prediction.
    differs_in_training: ClassVar[bool] = False
    # Whether the order of channels, height and width matters.
    takes_images: ClassVar[bool] = False

    @property
    def activation(self) -> str:
        """Name of the activation that follows; a layer without one leaves its outputs alone."""
        return "identity"

    @property
    def trainable(self) -> bool:
        """Whether training may change the layer's parameters."""
        return True

    @property
    def window(self) -> tuple[int, int] | None:
        """Height and width of the windows of an image that the layer takes; None without any."""
        return None

    @property
    def features(self) -> tuple[str, ...]:
        """Names that a backend has to offer to train the layer: its kind, and "frozen"."""
        return (self.kind,) if self.trainable else (self.kind, FROZEN)

    def with_trainable(self, trainable: bool) -> Self:
        """Return the layer trained or frozen; one without weights as it is."""
        if all(field.name != "trainable" for field in fields(self)):
            return self
        changed: dict[str, Any] = {"trainable": trainable}
        return replace(self, **changed)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one sample's output.

        Raises:
            ParameterError: the layer does not take this input; the message names both.
        """
        raise NotImplementedError

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of `weight` and `bias`, laid out as in PyTorch; empty without any."""
        return {}

    def fans(self, input_shape: Shape) -> tuple[int, int] | None:
        """Return fan-in and fan-out of the weights.

        None where there are none: scales start at 1, and no penalty shrinks them.
        """
        return None

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return the multiply-adds of one sample's forward pass, of products only."""
        return 0


def channels_height_width(layer: Layer, input_shape: Shape) -> tuple[int, int, int]:
    """Return an image's shape.

    Raises:
        ParameterError: the input is not an image.
    """
    if len(input_shape) != 3:
        raise ParameterError(
            f"{layer.kind} takes images (channels, height, width), but its input has "
            f"shape {input_shape}; put it before dense and flatten, and train on images (in "
            "Python, give the network an input_shape of three lengths)"
        )
    channels, height, width = input_shape
    return channels, height, width


def channels_first(shape: Shape) -> Shape | None:
    """Return a shape that seems to be (height, width, channels) with its channels first, else None.

    Sides of unlike size say nothing: a signal of several channels may have the width 1.
    """
    if len(shape) != 3:
        return None
    *sides, channels = shape
    is_image = min(sides) >= SMALLEST_SIDE and max(sides) <= LARGEST_RATIO * min(sides)
    return (channels, *sides) if is_image and channels in CHANNELS else None


def windows(layer: Layer, what: str, lengths: Shape, sizes: Shape, stride: int) -> Shape:
    """Return the number of windows of `sizes` that fit into `lengths`, along each axis.

    Raises:
        ParameterError: a window is larger than the input.
    """
    if any(size > length for size, length in zip(sizes, lengths, strict=True)):
        raise ParameterError(
            f"the {what} of {layer.kind}, {' x '.join(map(str, sizes))}, is larger than its "
            f"input, {' x '.join(map(str, lengths))}; use a smaller one"
        )
    return tuple((length - size) // stride + 1 for length, size in zip(lengths, sizes, strict=True))


def size_of(shape: Shape) -> int:
    """Return the number of values in one sample of this shape."""
    return math.prod(shape)
