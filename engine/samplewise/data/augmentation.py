"""New views of small images for every epoch: shifted, rotated, noisy. The engine draws them.

| words | what happens to each image in each epoch |
|---|---|
| `shift 2` | it moves by up to 2 whole pixels along each axis |
| `rotate 10` | it turns by up to 10 degrees either way about its centre |
| `noise 0.05` | each value gets a normal number of this deviation |

Amounts are uniform, up to the limit on either side. What moves in from outside the image is its
edge, continued. A turned image is interpolated linearly between its pixels. Rows are augmented
after preprocessing, so noise is on the scale of the network's inputs.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from samplewise.checks import positive_number, printable, suggestion, whole_number
from samplewise.errors import ParameterError
from samplewise.network import aligned_empty
from samplewise.streams import Streams
from samplewise.text import counted

# Images that are moved at once: the places that their pixels are read from stay small.
IMAGES_AT_ONCE = 256
# A normal number is beyond it once in 10^23 draws.
LARGEST_DRAW = 10.0
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Augmentation:
    """The strength of each random change of an image; 0 disables it.

    Args:
        shift: pixels, whole.
        rotate: degrees, at most 180.
        noise: standard deviation of the noise that is added to each value.

    Raises:
        ParameterError: a value is out of range.
    """

    shift: int = 0
    rotate: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        shift = whole_number("augment: shift", self.shift, minimum=0)
        object.__setattr__(self, "shift", shift)
        if self.rotate > 180:
            raise ParameterError(f"augment: rotate must be at most 180 degrees, got {self.rotate}")

    @classmethod
    def from_text(cls, text: str) -> Augmentation:
        """Return the augmentation of a text such as "shift 2, rotate 10, noise 0.05".

        Raises:
            ParameterError: a part of it describes nothing; the message names the part.
        """
        found: dict[str, Any] = {}
        for part in text.split(","):
            word, number = _read(part.strip())
            if word in found:
                raise ParameterError(f"augment: {word} occurs twice; keep one")
            found[word] = number
        return cls(**found)

    def check_fits(self, shape: Shape) -> None:
        """Refuse images that a shift may move out of sight.

        Raises:
            ParameterError: naming shift and image.
        """
        _, height, width = shape
        if self.shift >= min(height, width):
            raise ParameterError(
                f"augment: shift must be below the sides of an image, {height} x {width}, got "
                f"{self.shift}; use a smaller shift"
            )

    def largest(self, value: float) -> float:
        """Return a bound on the absolute values in views of images whose values reach `value`."""
        return value + LARGEST_DRAW * self.noise

    def draw(self, X: NDArray[Any], shape: Shape, rng: Generator) -> NDArray[Any]:
        """Return other views of the images in X, a new aligned array.

        Args:
            X: (n, inputs).
            shape: of an image: channels, height, width.
            rng: drawn from: the same amounts, whatever the dtype.
        """
        n = len(X)
        shifts = rng.integers(-self.shift, self.shift, (n, 2), endpoint=True)
        angles = np.radians(rng.uniform(-self.rotate, self.rotate, n))
        drawn = aligned_empty(X.shape, X.dtype)
        for start in range(0, n, IMAGES_AT_ONCE):
            part = slice(start, start + IMAGES_AT_ONCE)
            images = X[part].reshape(-1, *shape)
            if self.rotate:
                images = _turned(images, shifts[part], angles[part])
            elif self.shift:
                images = _shifted(images, shifts[part])
            drawn[part] = images.reshape(len(images), -1)
            if self.noise:
                drawn[part] += self.noise * rng.standard_normal(drawn[part].shape)
        return drawn


WORDS = tuple(field.name for field in dataclasses.fields(Augmentation))


class Views:
    """The rows of each epoch, as they are or augmented.

    Args:
        X: the training rows, read-only.
        shape: of an image; None where rows are not images.
        augment: as the setting.
        seed: seed of the draws.

    Raises:
        ParameterError: the rows are not images, or smaller than a shift.
    """

    def __init__(
        self, X: NDArray[Any], shape: Shape | None, augment: str | None, seed: int
    ) -> None:
        self._X, self._seed = X, seed
        self._drawn: tuple[Augmentation, Shape] | None = None
        if augment is None:
            return
        if shape is None:
            raise ParameterError(
                f"augment: rows must be images, got {counted(X.shape[1], 'value')} each; give X "
                "the shape (rows, height, width), or the network an input_shape of (channels, "
                "height, width)"
            )
        augmentation = Augmentation.from_text(augment)
        augmentation.check_fits(shape)
        self._drawn = augmentation, shape

    def of_epoch(self, epoch: int) -> NDArray[Any]:
        """Return the rows of an epoch, counted from 1, read-only.

        Without augmentation it is the same array object each time, so that a program can tell by
        identity that what it computed from the rows still holds; with it, a new one.
        """
        if self._drawn is None:
            return self._X
        augmentation, shape = self._drawn
        rows = augmentation.draw(self._X, shape, Streams(self._seed).of_epoch("augment", epoch))
        rows.flags.writeable = False
        return rows


def _read(part: str) -> tuple[str, float]:
    word, *numbers = part.split() or [""]
    if word not in WORDS:
        raise ParameterError(
            f"augment: '{printable(part)}' is not an augmentation; one starts with "
            f"{', '.join(WORDS)}, as in shift 2{suggestion(word, WORDS)}"
        )
    if len(numbers) != 1:
        raise ParameterError(f"augment: '{printable(part)}' must have one number, as in {word} 2")
    try:
        number = positive_number(f"augment: {word}", float(numbers[0]))
    except ValueError as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(
            f"augment: '{printable(numbers[0])}' in '{printable(part)}' is not a number"
        ) from None
    return word, int(number) if word == "shift" and number.is_integer() else number


def _shifted(images: NDArray[Any], shifts: NDArray[np.int64]) -> NDArray[Any]:
    """Return each image moved down and right by its own whole pixels."""
    count, _, height, width = images.shape
    rows = np.clip(np.arange(height) - shifts[:, :1], 0, height - 1)
    columns = np.clip(np.arange(width) - shifts[:, 1:], 0, width - 1)
    which = np.arange(count)[:, None, None]
    # An index beside slices puts its axes first: (images, rows, columns, channels).
    found = images[which, :, rows[:, :, None], columns[:, None, :]]
    return np.moveaxis(found, -1, 1)


def _turned(
    images: NDArray[Any], shifts: NDArray[np.int64], angles: NDArray[np.float64]
) -> NDArray[Any]:
    """Return each image turned about its centre, then moved, read between its pixels."""
    count, channels, height, width = images.shape
    middle = (height - 1) / 2, (width - 1) / 2
    down = np.arange(height)[:, None] - middle[0] - shifts[:, :1, None]
    right = np.arange(width) - middle[1] - shifts[:, 1:, None]
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    y = np.clip(cos * down + sin * right + middle[0], 0, height - 1)
    x = np.clip(cos * right - sin * down + middle[1], 0, width - 1)
    top, left = (
        np.minimum(np.floor(place).astype(np.int64), last)
        for place, last in ((y, max(height - 2, 0)), (x, max(width - 2, 0)))
    )
    below, beside = y - top, x - left
    pixels = images.reshape(count, channels, -1)
    found = np.zeros((count, channels, height, width))
    for i, j in np.ndindex(min(2, height), min(2, width)):
        places = ((top + i) * width + left + j).reshape(count, 1, -1)
        share = (below if i else 1 - below) * (beside if j else 1 - beside)
        taken = np.take_along_axis(pixels, places, axis=2)
        found += share[:, None] * taken.reshape(found.shape)
    return found
