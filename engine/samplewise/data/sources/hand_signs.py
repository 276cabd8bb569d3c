"""Hand shapes that sign the digits 0-9, and the random pose of each image.

A hand is a palm with its wrist, a thumb and four fingers, each a chain of points with radii.

Source of the shapes: the digits of American Sign Language, palm towards the viewer. How much poses
vary was set by eye beside photographs of signed digits, not by any accuracy.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Chain: TypeAlias = tuple[tuple[float, float], ...]

# Points are (right, up) of the middle of the palm, in pixels of a hand of size 1. A finger has a
# root, two joints and a tip.
FINGERS = ("thumb", "index", "middle", "ring", "little")
FINGER_RADII = (
    (1.9, 1.6, 1.3, 1.0),
    (1.3, 1.2, 1.1, 0.9),
    (1.3, 1.2, 1.1, 0.9),
    (1.3, 1.2, 1.1, 0.9),
    (1.1, 1.0, 0.9, 0.8),
)
PALM = ((0.0, -18.0), (0.1, -2.6), (-2.0, 1.6), (2.0, 1.9), (0.1, -2.6))
PALM_FROM_THE_SIDE = ((-0.4, -18.0), (-0.4, -2.8), (-1.3, 2.2), (-0.4, 1.0), (-0.4, -2.8))
PALM_RADII = (3.1, 2.8, 2.5, 2.5, 2.8)

THUMB = ((2.0, -2.4), (4.9, -0.6), (6.7, 1.7), (7.9, 3.7))
INDEX = ((3.1, 3.3), (4.0, 6.8), (4.5, 9.0), (4.9, 10.9))
MIDDLE = ((1.1, 3.8), (1.3, 7.7), (1.4, 10.2), (1.5, 12.2))
RING = ((-1.1, 3.6), (-1.9, 7.3), (-2.4, 9.6), (-2.8, 11.5))
LITTLE = ((-3.2, 2.7), (-4.5, 5.3), (-5.4, 7.1), (-6.1, 8.5))
STRETCHED = (THUMB, INDEX, MIDDLE, RING, LITTLE)
# How far each stretched finger leans outwards when the hand is spread.
FAN = (0.4, 1.0, 0.3, -0.4, -1.0)

MIDDLE_IN = ((1.0, 3.3), (1.0, 4.2), (0.9, 2.3), (0.8, 0.6))
RING_IN = ((-1.1, 3.2), (-1.1, 4.0), (-1.0, 2.1), (-0.9, 0.5))
LITTLE_IN = ((-3.1, 2.4), (-3.1, 3.2), (-2.9, 1.5), (-2.6, 0.1))


def _thumb_to(right: float, up: float) -> Chain:
    """Return a thumb laid across the palm, with its tip at a point."""
    return ((2.2, -2.6), (3.9, -0.8), (0.5 * (3.9 + right), 0.5 * up + 0.3), (right, up))


HANDS: tuple[tuple[Chain, ...], ...] = (
    (
        ((0.2, -2.4), (3.0, -1.7), (4.8, 0.2), (5.3, 2.2)),
        ((-0.6, 3.4), (1.2, 6.6), (4.3, 6.0), (5.4, 3.1)),
        ((-1.2, 3.4), (0.8, 7.4), (4.4, 6.6), (5.7, 3.5)),
        ((-1.7, 3.2), (0.3, 8.0), (4.4, 7.2), (5.9, 3.9)),
        ((-2.0, 3.0), (-0.2, 8.2), (4.2, 7.7), (6.0, 4.3)),
    ),
    (_thumb_to(-0.3, 0.6), INDEX, MIDDLE_IN, RING_IN, LITTLE_IN),
    (_thumb_to(-1.1, 0.5), INDEX, MIDDLE, RING_IN, LITTLE_IN),
    (THUMB, INDEX, MIDDLE, RING_IN, LITTLE_IN),
    (_thumb_to(-1.4, 0.4), INDEX, MIDDLE, RING, LITTLE),
    (THUMB, INDEX, MIDDLE, RING, LITTLE),
    (_thumb_to(-2.3, 0.4), INDEX, MIDDLE, RING, LITTLE_IN),
    (_thumb_to(-0.9, 1.0), INDEX, MIDDLE, RING_IN, LITTLE),
    (_thumb_to(0.9, 1.3), INDEX, MIDDLE_IN, RING, LITTLE),
    (
        ((2.2, -2.6), (4.8, -1.2), (6.2, 0.6), (6.3, 2.5)),
        ((3.1, 3.2), (4.5, 5.9), (6.3, 5.1), (6.4, 2.9)),
        MIDDLE,
        RING,
        LITTLE,
    ),
)


class HandPart(NamedTuple):
    """A part of the hand in n images: a chain of k points.

    Args:
        points: float32, shape (k, 2, n); column and row in pixels.
        radii: float32, shape (k, n); pixels.
        tone: float32, shape (n,); its brightness beside that of the palm.
    """

    points: Floats
    radii: Floats
    tone: Floats


def uniform(rng: Generator, low: float, high: float, shape: tuple[int, ...]) -> Floats:
    """Return float32 from [low, high), the same bits on every machine."""
    drawn: Floats = rng.random(shape, dtype=np.float32)
    return np.float32(low) + np.float32(high - low) * drawn


def pose_hands(digit: int, n: int, rng: Generator) -> list[HandPart]:
    """Return the parts of n hands that sign a digit, in the order in which they are painted.

    The palm hides the roots of stretched fingers and lies behind folded ones; the thumb is on top.
    """
    size, thickness = uniform(rng, 0.98, 1.2, (n,)), uniform(rng, 0.86, 1.14, (n,))
    spread, length = uniform(rng, -0.08, 0.18, (n,)), uniform(rng, 0.9, 1.1, (n,))
    placement = _placement(size, rng)
    palm = _jitter(PALM if digit else PALM_FROM_THE_SIDE, 0.3, n, rng)
    parts = [HandPart(_place(palm, placement), size * _column(PALM_RADII), np.ones(n, np.float32))]
    for i in reversed(range(len(FINGERS))):
        points = _jitter(HANDS[digit][i], 0.35, n, rng)
        stretched = HANDS[digit][i] is STRETCHED[i]
        if stretched:
            points = _stretch(points, FAN[i] * spread, length, rng)
        radii = size * thickness * _column(FINGER_RADII[i])
        finger = HandPart(_place(points, placement), radii, uniform(rng, 0.92, 1.06, (n,)))
        behind_the_palm = stretched and FINGERS[i] != "thumb"
        parts.insert(0 if behind_the_palm else len(parts), finger)
    return parts


def _column(values: tuple[float, ...]) -> Floats:
    """Return float32 of shape (k, 1): the same in every image."""
    return np.array(values, np.float32)[:, np.newaxis]


def _jitter(chain: Chain, reach: float, n: int, rng: Generator) -> Floats:
    """Return the points of a chain, shape (k, 2, n), each moved by up to `reach` pixels."""
    points = np.array(chain, np.float32)[..., np.newaxis]
    return points + uniform(rng, -reach, reach, (*np.shape(chain), n))


def _stretch(points: Floats, lean: Floats, length: Floats, rng: Generator) -> Floats:
    """Return a stretched finger of another length, leaning by `lean` pixels for a pixel upwards."""
    root = points[:1]
    along = (points - root) * (length * uniform(rng, 0.94, 1.06, length.shape))
    along[:, 0] += along[:, 1] * (lean + uniform(rng, -0.06, 0.06, lean.shape))
    return root + along


def _placement(size: Floats, rng: Generator) -> Floats:
    """Return affine maps from (right, up, 1) to (column, row), float32 of shape (2, 3, n).

    A hand is turned by up to 13 degrees and moved by up to 2 pixels each way.
    """
    # By tan(angle / 2), as a cosine from the library may round otherwise on another machine.
    tangent = uniform(rng, -0.114, 0.114, size.shape)
    cos = size * (1 - tangent * tangent) / (1 + tangent * tangent)
    sin = size * 2 * tangent / (1 + tangent * tangent)
    width = uniform(rng, 0.92, 1.08, size.shape)
    column, row = uniform(rng, 11.5, 15.5, size.shape), uniform(rng, 17.5, 21.5, size.shape)
    return np.array([[width * cos, sin, column], [width * sin, -cos, row]])


def _place(points: Floats, placement: Floats) -> Floats:
    """Return (column, row) of points given as (right, up), shape (k, 2, n)."""
    right, up = points[:, 0, np.newaxis], points[:, 1, np.newaxis]
    turn_right, turn_up, shift = placement[:, 0], placement[:, 1], placement[:, 2]
    return turn_right * right + turn_up * up + shift
