"""A sheet of sample images, as PNG bytes."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from samplewise.data import contact_sheet as module
from samplewise.data.contact_sheet import contact_sheet
from samplewise.data.dataset import Dataset
from samplewise.errors import DataError, ParameterError


def dataset(per_class=6, class_names=("4", "9"), **more):
    """Return images of 4x5 pixels, each of one grey that tells its row."""
    n = per_class * len(class_names)
    X = np.repeat(np.arange(n, dtype=np.uint8)[:, np.newaxis] * 10, 20, axis=1)
    labels = np.repeat(np.arange(len(class_names)), per_class)
    fields = {"image_shape": (4, 5), "full_scale": 255.0, **more}
    return Dataset("hands", X, labels, tuple(class_names), source="made here", **fields)


def pixels(png):
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)))


def tile_greys(sheet, classes, columns):
    """Return the grey in the middle of each tile; tiles fill the sheet from its lower right."""
    height, width = 4 * module.ZOOM + module.GAP, 5 * module.ZOOM + module.GAP
    top = module.TITLE_HEIGHT + np.arange(classes) * height
    left = grid_left(sheet) + np.arange(columns) * width
    return sheet[np.ix_(top + 6, left + 7)].tolist()


def grid_left(sheet):
    """Return the first column of the grid: that of the darkest tile's left edge."""
    return int(np.flatnonzero(sheet[module.TITLE_HEIGHT + 1] == 0)[0])


def test_each_class_has_a_row_of_evenly_spaced_images():
    greys = tile_greys(pixels(contact_sheet(dataset(), columns=3)), classes=2, columns=3)
    assert greys == [[0, 20, 40], [60, 80, 100]]


def test_a_small_class_leaves_its_row_blank():
    greys = tile_greys(pixels(contact_sheet(dataset(per_class=2), columns=4)), 2, 4)
    assert greys == [[0, 10, 255, 255], [20, 30, 255, 255]]


def test_the_same_bytes_every_time():
    assert contact_sheet(dataset()) == contact_sheet(dataset())


def test_values_are_scaled_by_the_full_scale():
    digits = dataset(per_class=1, full_scale=20.0)
    assert tile_greys(pixels(contact_sheet(digits, columns=1)), 2, 1) == [[0], [128]]


@pytest.mark.parametrize(
    ("name", "synthetic", "title"),
    [
        ("hands", False, "hands: 12 images, 2 classes"),
        ("hands", True, "hands (synthetic data): 12 images, 2 classes"),
    ],
)
def test_the_title_names_the_dataset_and_marks_drawn_ones(monkeypatch, name, synthetic, title):
    titles = []
    monkeypatch.setattr(module, "_captioned", lambda grid, title, names: titles.append(title))
    contact_sheet(dataset(synthetic=synthetic))
    assert titles == [title]


def test_a_long_title_and_names_of_any_script_fit():
    named = dataset(class_names=("שלום", "a" * 300))
    assert pixels(contact_sheet(named, columns=1)).ndim == 2


def test_images_with_numbers_instead_of_classes_are_one_row():
    numbers = dataset(per_class=6, class_names=("a",))
    numbers = dataclasses.replace(numbers, class_names=(), values=np.ones((6, 1)))
    greys = tile_greys(pixels(contact_sheet(numbers, columns=3)), classes=1, columns=3)
    assert greys == [[0, 20, 40]]


def test_a_table_has_no_contact_sheet():
    with pytest.raises(DataError, match="hands is a table"):
        contact_sheet(dataset(image_shape=None))


def test_a_sheet_beyond_all_bounds_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PIXELS", 1000)
    with pytest.raises(DataError, match="choose fewer classes or columns"):
        contact_sheet(dataset())


@pytest.mark.parametrize("columns", [0, 101, 2.5, True])
def test_columns_out_of_range_are_refused(columns):
    with pytest.raises(ParameterError, match="columns"):
        contact_sheet(dataset(), columns=columns)


@pytest.mark.parametrize(
    ("texts", "family"),
    [(["photos", "four"], "Aileron"), (["photos", "Größe", "four"], "DejaVu Sans")],
)
def test_one_font_draws_all_texts_of_a_sheet(texts, family):
    found = module._drawable(texts)
    assert [text for text, _ in found] == texts
    assert {font.getname()[0] for _, font in found} == {family}
