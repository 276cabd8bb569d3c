"""Rows to predict, labelled or not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import Columns, composed
from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels, numbers_of
from samplewise.data.loading import load, options_read, source_name
from samplewise.data.pixels import RawRows, rows_from
from samplewise.data.sources.options import DEFAULT_OPTIONS, SourceOptions
from samplewise.io.reading import check_bytes, is_data_folder, open_unchanged


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows to predict.

    Args:
        name: of the source, for messages.
        rows: raw values, and whether they are images.
        files: name of each row's file, where each is one; else rows are counted from 0.
        classes: true class of each row, None where it is missing; None without labels, and of
            numbers.
        values: true numbers of each row, float64 (n, outputs), NaN where they are missing; None
            without, and of classes.
        columns: those of a table with a header; None for others.
    """

    name: str
    rows: RawRows
    files: tuple[str, ...] | None = None
    classes: tuple[str | None, ...] | None = None
    values: NDArray[np.float64] | None = None
    columns: Columns | None = None

    def __len__(self) -> int:
        return len(self.rows.X)


def load_inputs(
    data: str | Path, options: SourceOptions = DEFAULT_OPTIONS, columns: Columns | None = None
) -> Inputs:
    """Return the rows that `data` names, with their labels where there are some.

    Args:
        data: as `loading.load` takes it; files need no labels, and a folder may hold images
            without class folders. Or an .npy array, (n, features) or (n, height, width).
        options: how it is read; `numbers` says what labels would be.
        columns: those of a model, `Model.columns`, by which the columns of a table are found.

    Raises:
        DataError, ParameterError: as `loading.load`.
    """
    given = source_name(data)
    options.check_read(given, options_read(given))
    path = Path(given)
    suffix = path.suffix.lower()
    if given and is_data_folder(path):
        return _folder(path, options)
    readers = {".csv": _table, ".npz": _arrays, ".npy": _array}
    if suffix in readers:
        return readers[suffix](path, options, columns)
    return _of_dataset(load(given, options=options))


def _table(path: Path, options: SourceOptions, columns: Columns | None) -> Inputs:
    from samplewise.data.sources.csv_cells import typed_labels
    from samplewise.data.sources.csv_file import read_table, rows_of

    name = printable(path)
    table = read_table(path, options, columns)
    rows = rows_of(table, options, name)
    labels = table.labels or []
    labelled = [row for row, label in enumerate(labels) if label]
    if not labelled:
        return Inputs(_short(path), rows, columns=table.columns)
    if options.numbers:
        values = np.array([float(label or "nan") for label in labels]).reshape(-1, 1)
        return Inputs(_short(path), rows, values=values, columns=table.columns)
    names, indices = encode_labels(
        typed_labels([labels[row] for row in labelled], name),
        name,
        lambda k: table.body.place(labelled[k]),
    )
    classes = iter(names[index] for index in indices)
    true = tuple(next(classes) if label else None for label in labels)
    return Inputs(_short(path), rows, classes=true, columns=table.columns)


def _arrays(path: Path, options: SourceOptions, _columns: Columns | None) -> Inputs:
    from samplewise.data.sources.npz_file import read_arrays

    name = printable(path)
    data, labels = read_arrays(path, needs_labels=False)
    rows = rows_from(data, f"{name}, key 'dataset'", options.full_scale)
    if labels is None:
        return Inputs(_short(path), rows)
    where = f"{name}, key 'labels'"
    if options.numbers:
        return Inputs(_short(path), rows, values=numbers_of(labels, where))
    names, indices = encode_labels(labels, where)
    return Inputs(_short(path), rows, classes=tuple(names[index] for index in indices))


def _array(path: Path, options: SourceOptions, _columns: Columns | None) -> Inputs:
    name = printable(path)
    return Inputs(_short(path), rows_from(read_npy(path), name, options.full_scale))


def read_npy(path: Path) -> NDArray[Any]:
    """Return the numbers of an .npy file, at most half as large as the free memory.

    Raises:
        DataError: it cannot be read as an array of numbers.
    """
    from samplewise.data.sources.npy_member import read_array

    name = printable(path)
    with open_unchanged(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_bytes(size, None, name)
        return read_array(file, size, name, text=False)


def _folder(path: Path, options: SourceOptions) -> Inputs:
    from samplewise.data.sources.image_file import WHITE
    from samplewise.data.sources.image_folder import read_images

    files, X = read_images(path, options)
    classes = None
    if not options.numbers and all("/" in file for file in files):
        classes = tuple(composed(file.split("/")[0]) for file in files)
    return Inputs(
        printable(path.name or path), RawRows(X, options.image_size, WHITE), files, classes
    )


def _short(path: Path) -> str:
    return printable(path.stem)


def _of_dataset(dataset: Dataset) -> Inputs:
    rows = RawRows(dataset.X, dataset.image_shape, dataset.full_scale, dataset.array_dtype)
    if dataset.values is not None:
        return Inputs(dataset.name, rows, values=dataset.values, columns=dataset.columns)
    classes = tuple(dataset.class_names[index] for index in dataset.labels)
    return Inputs(dataset.name, rows, classes=classes, columns=dataset.columns)
