"""Pooling: images made smaller, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import whole_number
from samplewise.errors import ParameterError
from samplewise.network.layers.base import Layer, Shape, channels_height_width, windows
from samplewise.network.layers.conv import pair


@dataclass(frozen=True)
class _Pool2D(Layer):
    """Windows of `size`, `stride` apart; rows and columns that fill no window are left out.

    Args:
        size: height and width of a window, or one number for both.
        stride: at least 1; None takes the height of a window, which then must be square.

    Raises:
        ParameterError: a value is out of range.
    """

    takes_images: ClassVar[bool] = True

    size: tuple[int, int] = (2, 2)
    stride: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", pair(f"{self.kind}: size", self.size))
        if self.stride is None:
            height, width = self.size
            if height != width:
                raise ParameterError(
                    f"a {self.kind} layer's window of {height} x {width} is not square, so that "
                    "its stride does not follow from it; give it a stride"
                )
            object.__setattr__(self, "stride", height)
        stride = whole_number(f"{self.kind}: stride", self.stride)
        object.__setattr__(self, "stride", stride)

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of a window."""
        return self.size

    @property
    def step(self) -> int:
        """The stride, set by now."""
        assert self.stride is not None
        return self.stride

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels, height, width)."""
        channels, *lengths = channels_height_width(self, input_shape)
        return (channels, *windows(self, "window", tuple(lengths), self.size, self.step))


@dataclass(frozen=True)
class MaxPool2D(_Pool2D):
    """The largest value of each window. Of equal ones, the first gets the whole gradient."""

    kind: ClassVar[str] = "max_pool"


@dataclass(frozen=True)
class AvgPool2D(_Pool2D):
    """The mean of each window."""

    kind: ClassVar[str] = "avg_pool"


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of each channel: (channels, height, width) to (channels,)."""

    kind: ClassVar[str] = "global_avg_pool"
    takes_images: ClassVar[bool] = True

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (channels,)."""
        channels, _, _ = channels_height_width(self, input_shape)
        return (channels,)
