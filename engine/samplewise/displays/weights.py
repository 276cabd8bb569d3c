"""The weights of hidden units as images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, whole_number
from samplewise.displays.axes import axes_for, last_step
from samplewise.errors import ParameterError
from samplewise.network import Conv2D, Dense, Network
from samplewise.network.layers.conv import pair
from samplewise.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage

_NAME = "WeightsDisplay"
_MOST_NUMBERS = 40
"""Up to so many units, their numbers fit between the images."""


class WeightsDisplay:
    """The incoming weights of each unit of the first layer, an image a unit, side by side.

    `from_estimator` makes and draws one. White is 0, red above and blue below, on one scale for
    all units.

    Args:
        images: weights, (units, height, width).
        units: number of each unit in its layer.

    Attributes:
        ax_: the axes drawn on.
        figure_: the figure of the axes.
        image_: matplotlib's image of all units.
    """

    ax_: Axes
    figure_: Figure | SubFigure
    image_: AxesImage

    def __init__(self, images: NDArray[Any], units: Sequence[int]) -> None:
        self.images, self.units = images, units

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        units: Sequence[int] | None = None,
        ax: Axes | None = None,
    ) -> WeightsDisplay:
        """Draw the first layer of a fitted estimator or a model.

        Of a convolution of one channel, the kernels are drawn.

        Args:
            estimator: with `coefs_` or `model_`, or a pipeline that ends in one; or a Model or
                TrainingResult.
            image_shape: height and width of a row; None takes that of the model, or a square.
            units: numbers of the units to draw, from 0; None draws all.
            ax: to draw on; None makes a new figure.

        Raises:
            ParameterError: it is not fitted, its rows are not images of this shape, or a number is
                not that of a unit.
        """
        estimator = last_step(estimator)
        weights, shape = _first_weights(estimator)
        shape = shape if image_shape is None else pair("image_shape", image_shape)
        if shape is None:
            side = math.isqrt(weights.shape[1])
            shape = side, side
        if math.prod(shape) != weights.shape[1]:
            raise ParameterError(
                f"{_NAME}: {counted(weights.shape[1], 'weight')} a unit are not an image of "
                f"{shape[0]} x {shape[1]}; give the image_shape of the rows, a height and a width"
            )
        numbers = _numbers(units, len(weights))
        return cls(weights[numbers].reshape(-1, *shape), numbers).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, cmap: str = "RdBu_r", colorbar: bool = True
    ) -> WeightsDisplay:
        """Draw the images.

        Args:
            ax: to draw on; None makes a new figure.
            cmap: name of a colour map of matplotlib whose middle stands for 0.
            colorbar: whether a scale is drawn beside them.

        Raises:
            ParameterError: `ax` is not an axes of matplotlib.
        """
        from samplewise.plots.limits import drawn

        self.ax_ = axes_for(ax, _NAME)
        self.figure_ = self.ax_.figure
        numbered = len(self.units) <= _MOST_NUMBERS
        images = drawn(self.images)
        mosaic, corners = _side_by_side(images, numbered=numbered)
        largest = float(np.abs(images).max()) or 1.0
        self.image_ = self.ax_.imshow(mosaic, cmap=cmap, vmin=-largest, vmax=largest)
        width = self.images.shape[2]
        for unit, (top, left) in zip(self.units, corners, strict=True):
            if numbered:
                middle = left + (width - 1) / 2
                self.ax_.text(middle, top - 0.6, str(unit), ha="center", va="bottom", size=8)
        self.ax_.set_axis_off()
        if colorbar:
            self.figure_.colorbar(self.image_, ax=self.ax_, label="weight", shrink=0.8)
        return self


def _first_weights(estimator: Any) -> tuple[NDArray[Any], tuple[int, int] | None]:
    """Return the weights (units, inputs) of the first layer, and the shape that is known."""
    if (coefs := getattr(estimator, "coefs_", None)) is not None:
        return np.asarray(coefs[0]).T, None
    estimator = getattr(estimator, "model_", estimator)
    network = getattr(estimator, "network", None)
    if not isinstance(network, Network):
        raise ParameterError(
            f"{_NAME}: '{printable(type(estimator).__name__)}' has neither coefs_ nor model_; give "
            "a fitted estimator, a Model or a TrainingResult"
        )
    views = network.layout.views(estimator.parameters)
    for index, layer in enumerate(network.layers):
        if isinstance(layer, Conv2D):
            kernels = views[f"{index}.weight"]
            if kernels.shape[1] != 1:
                raise ParameterError(
                    f"{_NAME}: kernels of {kernels.shape[1]} channels are not images; only those "
                    "of one channel are drawn"
                )
            return kernels.reshape(len(kernels), -1), layer.kernel
        if isinstance(layer, Dense):
            channels, *lengths = network.shapes[index] if len(network.shapes[index]) == 3 else (0,)
            found = (lengths[0], lengths[1]) if channels == 1 else None
            return views[f"{index}.weight"], getattr(estimator, "image_shape", None) or found
    raise ParameterError(f"{_NAME}: the network has no layer of units")


def _numbers(units: Sequence[int] | None, count: int) -> list[int]:
    if units is None:
        return list(range(count))
    given = list(units) if isinstance(units, Sequence | range | np.ndarray) else [units]
    numbers = [whole_number("units", unit, minimum=0, maximum=count - 1) for unit in given]
    if not numbers:
        raise ParameterError(f"{_NAME}: units is empty; give the number of one unit or more")
    return numbers


def _side_by_side(
    images: NDArray[Any], *, numbered: bool
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Return one image of all, NaN between them, and the upper left corner of each."""
    count, height, width = images.shape
    # About 4 to 3, as a figure is.
    columns = min(count, math.ceil(math.sqrt(count * height * 4 / (width * 3))))
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    gap = max(1, round(width * 0.1))
    # A number has one height whatever the images have, so that a few rows of them need less room.
    above = math.ceil(height * min(0.07 * rows, 0.3)) if numbered else gap
    mosaic = np.full((rows * (height + above), columns * (width + gap) - gap), np.nan)
    corners = []
    for position, image in enumerate(images):
        top = position // columns * (height + above) + above
        left = position % columns * (width + gap)
        mosaic[top : top + height, left : left + width] = image
        corners.append((top, left))
    return mosaic, corners
