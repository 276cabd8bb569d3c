"""Two-dimensional convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import must_be, one_of, true_or_false, whole_number
from samplewise.errors import ParameterError
from samplewise.network.activations import check_activation
from samplewise.network.layers.base import Layer, Shape, channels_height_width, size_of, windows

PADDINGS = ("valid", "same")


@dataclass(frozen=True)
class Conv2D(Layer):
    """Cross-correlation with F kernels over all channels, plus a bias a filter, then f.

        z[f, y, x] = b[f] + sum over c, i, j of w[f, c, i, j] a[c, s y + i, s x + j]

    Args:
        filters: number of kernels F, at least 1.
        kernel: height and width of a kernel, or one number for both.
        stride: s, at least 1.
        padding: "valid", or "same": zeros around the image so that the output has
            ceil(length / stride) rows and columns; of an odd number, one more goes to the end.
        activation: one of `ACTIVATIONS`, or a custom one.
        trainable: False freezes the layer: training never changes its weights and biases.

    Raises:
        ParameterError: a value is out of range.
    """

    kind: ClassVar[str] = "conv"
    takes_images: ClassVar[bool] = True

    filters: int
    kernel: tuple[int, int]
    stride: int = 1
    padding: str = "valid"
    activation: str = "identity"
    trainable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", whole_number("conv: filters", self.filters))
        object.__setattr__(self, "kernel", pair("conv: kernel", self.kernel))
        object.__setattr__(self, "stride", whole_number("conv: stride", self.stride))
        one_of("padding", self.padding, PADDINGS)
        check_activation(self.activation)
        true_or_false("conv: trainable", self.trainable)

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of a kernel."""
        return self.kernel

    def pads(self, input_shape: Shape) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the rows of zeros above and below, and the columns left and right."""
        if self.padding == "valid":
            return (0, 0), (0, 0)
        _, *lengths = channels_height_width(self, input_shape)
        above, left = (self._around(*pair) for pair in zip(lengths, self.kernel, strict=True))
        return above, left

    def _around(self, length: int, size: int) -> tuple[int, int]:
        count = -(-length // self.stride)
        total = max((count - 1) * self.stride + size - length, 0)
        return total // 2, total - total // 2

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (F, height, width)."""
        _, *lengths = channels_height_width(self, input_shape)
        padded = tuple(
            length + sum(around)
            for length, around in zip(lengths, self.pads(input_shape), strict=True)
        )
        return (self.filters, *windows(self, "kernel", padded, self.kernel, self.stride))

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of `weight` (F, C, kernel height, kernel width) and `bias` (F,)."""
        channels, _, _ = channels_height_width(self, input_shape)
        return {"weight": (self.filters, channels, *self.kernel), "bias": (self.filters,)}

    def fans(self, input_shape: Shape) -> tuple[int, int]:
        """Return C and F, each times the size of a kernel."""
        channels, _, _ = channels_height_width(self, input_shape)
        area = size_of(self.kernel)
        return channels * area, self.filters * area

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return the multiply-adds of one sample's forward pass."""
        shapes = self.parameter_shapes(input_shape)
        return size_of(shapes["weight"]) * size_of(self.output_shape(input_shape)[1:])


def pair(name: str, value: object) -> tuple[int, int]:
    """Return two whole numbers of at least 1, of a pair or of one number for both.

    Raises:
        ParameterError: it is neither.
    """
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        raise ParameterError(must_be(name, "a whole number, or a pair of them", value))
    first, second = (whole_number(name, each) for each in both)
    return first, second
