"""Hand signs of the digits 0-9, drawn by the program, for users without photographs.

The parts of a hand are painted back to front by their signed distance. Images are the last axis of
every array, so that what varies from image to image broadcasts as it is.

Only +, -, *, / and square roots are used, which IEEE 754 rounds exactly: a seed gives the same
images on every machine. How much light and noise vary was set by eye beside photographs of signed
digits, not by any accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from samplewise.checks import whole_number
from samplewise.data.dataset import Dataset
from samplewise.data.sources.hand_signs import Floats, HandPart, pose_hands, uniform

DIGITS = tuple("0123456789")
IMAGES_PER_CLASS = 500
SIDE = 28
# A temporary of 64 images is 200 kB, so that those of one capsule stay in a core's cache.
IMAGES_AT_ONCE = 64


def load_synthetic(classes: Sequence[str] | None = None, seed: int = 2024) -> Dataset:
    """Draw 500 hand signs a class, 28x28 grey pixels each, in rows grouped by class.

    Each class has its own random stream, so that its images do not depend on which others are
    drawn: `load_synthetic(c, s)` equals `load_synthetic(seed=s).select(c)` and costs less.

    Args:
        classes: which of "0".."9", the first becoming class 0; None draws all ten.
        seed: whole number from 0 on.

    Returns:
        A dataset with X uint8 of shape (500 * classes, 784), values 0..255, row-major images.

    Raises:
        ParameterError: `seed` is not such a number.
        DataError: a class does not exist, or one is named twice.
    """
    seed = whole_number("seed", seed, minimum=0)
    wanted = DIGITS if classes is None else classes
    one_blank_each = _dataset(np.zeros((len(DIGITS), SIDE * SIDE), np.uint8), DIGITS, seed)
    drawn = tuple(sorted(one_blank_each.select(wanted).class_names))
    X = np.concatenate([_draw_class(int(name), seed) for name in drawn])
    return _dataset(X, drawn, seed).select(wanted)


def _dataset(X: NDArray[np.uint8], class_names: tuple[str, ...], seed: int) -> Dataset:
    return Dataset(
        name="synthetic",
        X=X,
        labels=np.repeat(np.arange(len(class_names)), len(X) // len(class_names)),
        class_names=class_names,
        source=f"hand signs drawn by samplewise, seed {seed}; not photographs",
        image_shape=(SIDE, SIDE),
        full_scale=255.0,
        synthetic=True,
    )


def _draw_class(digit: int, seed: int) -> NDArray[np.uint8]:
    """Return the images of one class, uint8 of shape (500, 784)."""
    rng = Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(digit,))))
    hand = pose_hands(digit, IMAGES_PER_CLASS, rng)
    scene = np.empty((SIDE, SIDE, IMAGES_PER_CLASS), np.float32)
    scene[:] = uniform(rng, 0.08, 0.18, (IMAGES_PER_CLASS,))
    for start in range(0, IMAGES_PER_CLASS, IMAGES_AT_ONCE):
        some = np.s_[..., start : start + IMAGES_AT_ONCE]
        for part in hand:
            _paint(scene[some], HandPart(*(values[some] for values in part)))
    return _photograph(scene, rng)


def _paint(scene: Floats, part: HandPart) -> None:
    """Paint a part over the scene (28, 28, images), with a shadow around it."""
    distance = _distance(part)
    shadow = np.clip(1.4 - distance, 0, 1)
    scene *= 1 - 0.4 * shadow
    # Skin seen at a slant, towards a part's edge, is darker.
    shade = part.tone * (0.72 + 0.28 * np.clip(distance * -0.7, 0, 1))
    scene += np.clip(0.5 - distance, 0, 1) * (shade - scene)


def _distance(part: HandPart) -> Floats:
    """Return the signed distance in pixels of every pixel to a chain, negative inside.

    Source: distance to a segment by projection; the radius grows linearly along the projection,
    which is close to that of a true tapered capsule where the radii of its ends are.
    """
    columns = np.arange(SIDE, dtype=np.float32)[:, np.newaxis]
    rows = columns[:, np.newaxis]
    nearest = np.full((SIDE, SIDE, part.points.shape[-1]), np.inf, np.float32)
    for i, (left, top) in enumerate(part.points[:-1]):
        across, down = part.points[i + 1] - part.points[i]
        square = across * across + down * down
        x, y = columns - left, rows - top
        along = np.clip(x * (across / square) + y * (down / square), 0, 1)
        x, y = x - along * across, y - along * down
        radius = part.radii[i] + along * (part.radii[i + 1] - part.radii[i])
        np.minimum(nearest, np.sqrt(x * x + y * y) - radius, out=nearest)
    return nearest


def _photograph(scene: Floats, rng: Generator) -> NDArray[np.uint8]:
    """Light a scene (28, 28, 500), blur it, add noise; return uint8 of shape (500, 784)."""
    n = scene.shape[-1:]
    across = np.linspace(-1, 1, SIDE, dtype=np.float32)[:, np.newaxis]
    light = 1 + across * uniform(rng, -0.25, 0.25, n)
    light = light + across[:, np.newaxis] * uniform(rng, -0.12, 0.12, n)
    scene = scene * light * uniform(rng, 0.6, 0.95, n)
    blur = uniform(rng, 0.0, 0.2, n)
    scene[1:-1] += blur * (scene[:-2] + scene[2:] - 2 * scene[1:-1])
    scene[:, 1:-1] += blur * (scene[:, :-2] + scene[:, 2:] - 2 * scene[:, 1:-1])
    noise = uniform(rng, -1, 1, scene.shape) + uniform(rng, -1, 1, scene.shape)
    scene += noise * uniform(rng, 0.005, 0.02, n)
    levels = np.clip(scene * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(levels.reshape(SIDE * SIDE, -1).T)
