"""A picture of a dataset: a few images of every class on one sheet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, whole_number
from samplewise.data.dataset import Dataset
from samplewise.errors import DataError
from samplewise.text import counted

if TYPE_CHECKING:
    from PIL import ImageFont

ZOOM = 3
GAP = 4
TEXT_HEIGHT = 14
TITLE_HEIGHT = TEXT_HEIGHT + 2 * GAP
LONGEST_NAME = 24
MOST_PIXELS = 100_000_000
PAPER = 255


def contact_sheet(dataset: Dataset, columns: int = 10) -> bytes:
    """Return a PNG with a row of images for each class, its name at the left.

    Images are taken at even distances among the rows of a class and enlarged three times, pixel by
    pixel. A class with fewer images than `columns` leaves the rest of its row blank.

    Args:
        dataset: of images; the title says "synthetic" where it is.
        columns: images a class, 1 to 100.

    Raises:
        ParameterError: `columns` is out of range.
        DataError: the rows are not images, or the sheet would exceed 100 million pixels.
    """
    columns = whole_number("columns", columns, maximum=100)
    if dataset.image_shape is None:
        raise DataError(f"{dataset.name} is a table; a contact sheet needs a dataset of images")
    height, width = (ZOOM * side + GAP for side in dataset.image_shape)
    # Rows with numbers instead of classes are one kind, without a name.
    names = [printable(name)[:LONGEST_NAME] for name in dataset.class_names or ("",)]
    grid_shape = (len(names) * height, columns * width)
    if grid_shape[0] * grid_shape[1] > MOST_PIXELS:
        raise DataError(
            f"{dataset.name}: a sheet of {grid_shape[1]:,} x {grid_shape[0]:,} pixels is more than "
            f"{MOST_PIXELS:,}; choose fewer classes or columns"
        )
    grid = np.full(grid_shape, PAPER, np.uint8)
    for label in range(len(names)):
        for column, image in enumerate(_samples(dataset, label, columns)):
            top, left = label * height, column * width
            tile = image.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
            grid[top : top + len(tile), left : left + tile.shape[1]] = tile
    return _captioned(grid, _title(dataset), names)


def _samples(dataset: Dataset, label: int, most: int) -> NDArray[np.uint8]:
    """Return up to `most` images of a class, 0 black to 255 white, shape (k, height, width)."""
    assert dataset.image_shape is not None
    rows = np.flatnonzero(dataset.labels == label)
    k = min(most, len(rows))
    chosen = rows[np.arange(k) * len(rows) // max(k, 1)]
    white = dataset.full_scale or max(float(dataset.X.max()), 1.0)
    levels = np.clip(dataset.X[chosen] / white, 0, 1) * 255
    return np.rint(levels).astype(np.uint8).reshape(k, *dataset.image_shape)


def _title(dataset: Dataset) -> str:
    size = counted(len(dataset), "image")
    if dataset.values is None:
        size += f", {counted(len(dataset.class_names), 'class', 'classes')}"
    name = printable(dataset.title)
    return f"{name[:LONGEST_NAME]}: {size}"


_Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"


def _drawable(texts: Sequence[str]) -> list[tuple[str, _Font]]:
    """Return printable texts for a sheet, each with a font that has its letters.

    Pillow's own font draws all of them or none: beside another one it would be a patchwork.
    """
    from PIL import ImageFont

    if all(text.isascii() for text in texts):
        return [(text, ImageFont.load_default(TEXT_HEIGHT)) for text in texts]
    # Half a second, which only those pay whose names Pillow's own font lacks.
    from samplewise.plots.fonts import in_one_font

    found = map(in_one_font, texts)
    return [(text, ImageFont.truetype(path, TEXT_HEIGHT, index=k)) for text, path, k in found]


def _captioned(grid: NDArray[np.uint8], title: str, names: Sequence[str]) -> bytes:
    """Return the PNG of a grid under a title, with a name at the left of each of its rows."""
    from PIL import Image, ImageDraw

    (shown_title, title_font), *captions = _drawable([title, *names])
    margin = 2 * GAP + int(max(font.getlength(text) for text, font in captions))
    width = max(margin + grid.shape[1], 2 * GAP + int(title_font.getlength(shown_title)))
    sheet = Image.new("L", (width, TITLE_HEIGHT + grid.shape[0]), PAPER)
    sheet.paste(Image.fromarray(grid), (margin, TITLE_HEIGHT))
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, GAP), shown_title, fill=0, font=title_font)
    pitch = grid.shape[0] // len(names)
    for row, (text, font) in enumerate(captions):
        middle = TITLE_HEIGHT + row * pitch + (pitch - GAP) // 2
        draw.text((GAP, middle), text, fill=0, font=font, anchor="lm")
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()
