"""The rows that a user wants predicted: one image or array, or a source of many."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samplewise.checks import printable, whole_number
from samplewise.cli.trained import (
    TrainedModel,
    note_on_columns,
    on_model_scale,
    source_options,
    wanted,
    white,
)
from samplewise.data.inputs import Inputs, load_inputs, read_npy
from samplewise.data.pixels import RawRows, Scale, on_scale, rows_from
from samplewise.errors import DataError
from samplewise.io.reading import is_data_folder, read_whole
from samplewise.model.model import Model

# A photograph has some million pixels; no input that makes sense is larger.
MAX_INPUT_BYTES = 256 * 2**20


def read_one(trained: TrainedModel, given: str, said: Mapping[str, Any]) -> Inputs | None:
    """Return the one input that a path names: an image, or an .npy array of as many values.

    None where it names rows: another array, a folder, or a dataset as `load_inputs` takes it.

    Raises:
        DataError: an image or an array cannot be read, or an image does not fit the model.
        ParameterError: an option does not go with the model or the path.
    """
    from samplewise.data.sources.image_file import FORMATS

    path, suffix = Path(given), Path(given).suffix.lower()
    if suffix not in (*FORMATS, ".npy") or is_data_folder(Path(given)):
        return None
    full_scale = source_options(trained, said, given).full_scale
    read = _array if suffix == ".npy" else _image
    return read(trained.model, path, full_scale)


def read_rows(trained: TrainedModel, given: str, said: Mapping[str, Any]) -> Inputs:
    """Return the rows that a user wants predicted, on the model's scale.

    Raises:
        DataError, ParameterError: it cannot be read, or does not fit the model.
    """
    from samplewise.data.sources.image_file import FORMATS

    model = trained.model
    options = source_options(trained, said, given)
    try:
        found = load_inputs(given, options, model.columns)
    except DataError as error:
        # An image or an array may well have been meant.
        if Path(given).suffix.lower() in (".npz", ".csv", ".npy") or is_data_folder(Path(given)):
            raise
        raise DataError(f"{error}; or one image ({', '.join(FORMATS)}) or an .npy array") from error
    note_on_columns(model, found.columns, found.name)
    rows = found.rows
    X = on_model_scale(model, rows, found.name, said="full_scale" in said)
    return dataclasses.replace(found, rows=dataclasses.replace(rows, X=X))


def row_number(row: str, rows: int) -> int:
    """Return the number that --row gives.

    Raises:
        ParameterError: not a whole number from 0, or beyond the rows.
    """
    digits = row.isascii() and row.isdigit() and len(row) <= 18
    return whole_number("--row", int(row) if digits else row, minimum=0, maximum=rows - 1)


def _array(model: Model, path: Path, full_scale: float | None) -> Inputs | None:
    name = printable(path)
    values = read_npy(path)
    if values.size != model.network.inputs:
        if values.ndim > 1:
            return None
        raise DataError(
            f"{name} has shape {values.shape}, {values.size:,} values; this model takes one input "
            f"of {wanted(model)}, or rows of them"
        )
    rows = rows_from(values.reshape(1, *(model.image_shape or (-1,))), name, full_scale)
    X = on_model_scale(model, rows, name, said=full_scale is not None)
    return Inputs(name, dataclasses.replace(rows, X=X), files=(name,))


def _image(model: Model, path: Path, full_scale: float | None) -> Inputs:
    from samplewise.data.sources.grey_levels import warn_of_few_bits
    from samplewise.data.sources.image_file import WHITE, read_pixels

    name = printable(path)
    if model.image_shape is None:
        raise DataError(
            f"{name} is an image, but this model takes {wanted(model)} of a table; give it a "
            "dataset and --row, or an .npy array"
        )
    content = read_whole(path, MAX_INPUT_BYTES)
    pixels, found = read_pixels(content, name, model.image_shape, model.fit, full_scale)
    if full_scale is None and found.peak is not None:
        warn_of_few_bits(found.peak, name)
    # An image's white is 255 whatever the model's is: no surprise, so no warning.
    scaled = on_scale(pixels.reshape(1, -1), Scale(WHITE), Scale(white(model)), name)
    return Inputs(name, RawRows(scaled, model.image_shape, white(model)), files=(name,))
