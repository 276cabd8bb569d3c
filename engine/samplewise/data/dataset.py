"""The dataset: rows, their classes, and their origin."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import (
    listed,
    must_be,
    positive_number,
    printable,
    suggestion,
    text,
    true_or_false,
    whole_numbers,
)
from samplewise.data.arrays import as_numbers, check_finite, is_frame
from samplewise.data.columns import (
    Column,
    Columns,
    check_columns,
    columns_named,
    composed,
    places,
    width,
)
from samplewise.data.labels import MAX_CLASSES
from samplewise.data.named_rows import rows_of_frame
from samplewise.errors import DataError, ParameterError
from samplewise.text import counted


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled rows, checked when built.

    Args:
        name: short name for titles and messages.
        X: shape (n, features); raw values, before preprocessing; finite. An array, lists or a data
            frame; kept as uint8 where it is, else as float64.
        labels: one for each row, kept as int64 of shape (n,), the index of each row's class in
            `class_names`. Text is looked up in these; whole numbers are such indices. None where
            there are `values`.
        class_names: the classes, of which text and files have code-point order. Empty takes the
            labels given, such as text, bool or whole numbers, as `encode_labels` does.
        source: one sentence on where the rows came from.
        image_shape: (height, width) where a row is a grey image, else None.
        full_scale: the value of a white pixel (255 for 8-bit images), None for a table.
        synthetic: True where a program drew the rows.
        values: float64, shape (n, outputs), finite: the numbers of each row, where it has those
            instead of a class; `labels` are None or 0 then, and there are no `class_names`. Else
            None.
        columns: the columns of a table with a header, whose features are those of X; those of a
            data frame are found by them, in any order. None takes the names of a data frame, where
            they are texts and differ; images and arrays have none.
        array_dtype: of the array that the rows were stored as, by name, whatever X is; None where
            they were image files or text.
        target_names: of `values`, one for each output, such as the header of a label column; empty
            where they have none.

    Raises:
        DataError: a shape, dtype, label or value does not fit.
    """

    name: str
    X: NDArray[Any] = field(repr=False)
    labels: NDArray[np.int64] = field(default=cast("Any", None), repr=False)
    class_names: tuple[str, ...] = ()
    source: str = "given as arrays"
    image_shape: tuple[int, int] | None = None
    full_scale: float | None = None
    synthetic: bool = False
    values: NDArray[np.float64] | None = field(default=None, repr=False)
    columns: Columns | None = None
    array_dtype: str | None = None
    target_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._take_arrays()
        self._check_settings()
        self._check_shapes()
        check_finite(self.X, self.name)
        if self.values is not None:
            check_finite(self.values, f"{self.name}, labels")
            return
        if self.labels.min() < 0 or self.labels.max() >= len(self.class_names):
            raise DataError(
                f"{self.name}: labels must be from 0 to {len(self.class_names) - 1}, as there are "
                f"{counted(len(self.class_names), 'class', 'classes')}, got {self.labels.min()} to "
                f"{self.labels.max()}; number the classes from 0, or name all in class_names"
            )
        if len(self.class_names) > MAX_CLASSES:
            raise DataError(
                f"{self.name}: must have at most {MAX_CLASSES:,} classes, got "
                f"{len(self.class_names):,}; learn measured values as numbers, with a loss such as "
                "mean_squared_error"
            )

    def _take_arrays(self) -> None:
        """Convert the arguments to the dtypes of the fields."""
        # Upwards of this module: names and numbers of labels need the dataset's limits.
        from samplewise.data.class_indices import class_indices

        for what, given in (("name", self.name), ("source", self.source)):
            if not isinstance(given, str):
                raise DataError(must_be(f"dataset: {what}", "a text", given))
        _check_texts(f"{self.name}: target_names", self.target_names)
        self._check_columns()
        X = self._rows()
        object.__setattr__(
            self, "X", X if X.dtype == np.uint8 else X.astype(np.float64, copy=False)
        )
        if self.values is None:
            if cast("Any", self.labels) is None:
                raise DataError(
                    f"{self.name}: expected labels, the class of each row, or values, the numbers "
                    "of each row; got neither"
                )
            _check_texts(f"{self.name}: class_names", self.class_names)
            labels, names = class_indices(self.labels, self.class_names, self.name)
            object.__setattr__(self, "labels", labels)
            object.__setattr__(self, "class_names", names)
            return
        values = as_numbers(f"{self.name}: values", self.values).astype(np.float64, copy=False)
        object.__setattr__(self, "values", values[:, np.newaxis] if values.ndim == 1 else values)
        labels = np.zeros(len(X) if X.ndim else 0, np.int64) if self.labels is None else self.labels
        object.__setattr__(self, "labels", as_numbers(f"{self.name}: labels", labels))

    def _rows(self) -> NDArray[Any]:
        """Return X as an array of numbers, and take its columns where it is a data frame."""
        place, given = f"{self.name}: X", cast("Any", self.X)
        if not is_frame(given):
            return as_numbers(place, given)
        if self.columns is not None:
            return rows_of_frame(given, self.columns, place)
        if self.image_shape is None:
            object.__setattr__(self, "columns", columns_named(given.columns))
        return as_numbers(place, given)

    def _check_columns(self) -> None:
        columns = self.columns
        if columns is not None and not (
            isinstance(columns, tuple | list) and all(isinstance(one, Column) for one in columns)
        ):
            raise DataError(
                f"{self.name}: columns must hold instances of samplewise.data.columns.Column, got "
                f"{printable(columns)}"
            )

    def _check_settings(self) -> None:
        """Refuse fields beside the rows that are of another kind."""
        try:
            if self.image_shape is not None:
                shape = whole_numbers("image_shape", self.image_shape)
                if len(shape) != 2:
                    place = f"{self.name}: image_shape"
                    raise DataError(must_be(place, "(height, width)", self.image_shape))
                object.__setattr__(self, "image_shape", shape)
            if self.full_scale is not None:
                positive_number("full_scale", self.full_scale)
            true_or_false("synthetic", self.synthetic)
            if self.array_dtype is not None:
                text("array_dtype", self.array_dtype, "uint8")
        except ParameterError as error:
            raise DataError(f"{self.name}: {error}") from None

    def _check_shapes(self) -> None:
        if self.X.ndim != 2 or 0 in self.X.shape:
            raise DataError(
                f"{self.name}: X must have the shape (rows, features), both above 0, got "
                f"{self.X.shape}; flatten images to rows, and give their image_shape"
            )
        if self.labels.shape != (len(self.X),):
            raise DataError(
                f"{self.name}: labels must be as many as X has rows, "
                f"{counted(len(self.X), 'label')}, got shape {self.labels.shape}; give X and "
                "labels of the same rows"
            )
        if self.values is not None and (self.values.ndim != 2 or len(self.values) != len(self.X)):
            raise DataError(
                f"{self.name}: values must have as many rows of numbers as X, "
                f"{counted(len(self.X), 'row')}, got shape {self.values.shape}; give X and "
                "values of the same rows"
            )
        outputs = 0 if self.values is None else self.values.shape[1]
        if len(self.target_names) not in (0, outputs):
            wanted = f"empty, or {counted(outputs, 'text')}, one for each output"
            raise DataError(must_be(f"{self.name}: target_names", wanted, self.target_names))
        check_columns([Column(name) for name in self.target_names], f"{self.name}, targets")
        if self.columns is not None:
            check_columns(self.columns, self.name)
            if width(self.columns) != self.X.shape[1]:
                raise DataError(
                    f"{self.name}: columns must make as many features as a row has values, "
                    f"{counted(self.X.shape[1], 'feature')}, got {width(self.columns):,}; name "
                    "each column of X once, or leave columns out"
                )
        if self.image_shape is not None and np.prod(self.image_shape) != self.X.shape[1]:
            raise DataError(
                f"{self.name}: image_shape must make as many pixels as a row has values, "
                f"{counted(self.X.shape[1], 'pixel')}, got {self.image_shape}; give height and "
                "width of the images"
            )

    def __repr__(self) -> str:
        """Return name, source, and the shapes of rows and targets."""
        what = f"classes {listed(self.class_names)}"
        if self.values is not None:
            what = f"{counted(self.values.shape[1], 'number')} to learn"
        return f"Dataset({self.title!r}, X of shape {self.X.shape}, {what}, {self.source!r})"

    def __len__(self) -> int:
        return len(self.X)

    @property
    def features(self) -> int:
        """Number of values in a row."""
        return int(self.X.shape[1])

    @property
    def targets(self) -> NDArray[Any]:
        """The targets: classes, (n,), or numbers, (n, outputs)."""
        return self.labels if self.values is None else self.values

    @property
    def title(self) -> str:
        """The name to show, with "synthetic" in it where a program drew the rows."""
        name = printable(self.name)
        if not self.synthetic or "synthetic" in name:
            return "synthetic data" if name == "synthetic" else name
        return f"{name} (synthetic data)"

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Return the dataset of these rows, in this order, with the same classes."""
        values = None if self.values is None else self.values[rows]
        return replace(self, X=self.X[rows], labels=self.labels[rows], values=values)

    def select(self, classes: Sequence[str]) -> Dataset:
        """Return the rows of `classes` only; the first named becomes class 0, and so on.

        Raises:
            DataError: a class does not exist, or one is named twice.
        """
        if self.values is not None:
            raise DataError(
                f"{self.name}: classes are chosen among classes, but its targets are numbers, got "
                f"{listed(list(map(str, classes)))}; leave out classes"
            )
        known = places(self.class_names)
        wanted = [composed(name) if isinstance(name, str) else name for name in classes]
        if len(set(wanted)) != len(wanted):
            raise DataError(
                f"classes: must be different, got {', '.join(map(printable, classes))}; name each "
                "once"
            )
        for name in wanted:
            if name not in known:
                raise DataError(
                    f"{self.name} has no class '{printable(name)}'; it has "
                    f"{listed(self.class_names)}{suggestion(str(name), self.class_names)}"
                )
        new_index = np.full(len(self.class_names), -1, dtype=np.int64)
        for position, name in enumerate(wanted):
            new_index[known[name]] = position
        labels = new_index[self.labels]
        rows = np.flatnonzero(labels >= 0)
        if len(rows) == 0:
            raise DataError(
                f"{self.name}: has no row of the classes {', '.join(map(printable, classes))}; "
                "choose classes of which it has rows"
            )
        names = tuple(self.class_names[known[name]] for name in wanted)
        return replace(self, X=self.X[rows], labels=labels[rows], class_names=names)

    def counts(self) -> NDArray[np.int64]:
        """Return the number of rows of each class, int64 of shape (classes,)."""
        return np.bincount(self.labels, minlength=len(self.class_names)).astype(np.int64)

    def fingerprint(self) -> str:
        """Return the SHA-256 of values, labels and class names, the same on every machine."""
        digest = hashlib.sha256()
        for array in (self.X, self.targets):
            digest.update(f"{array.dtype.name}{array.shape}".encode())
            little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(little_endian.reshape(-1).view(np.uint8).data)
        digest.update("\0".join(self.class_names).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def _check_texts(where: str, names: Any) -> None:
    texts = isinstance(names, list | tuple) and all(isinstance(one, str) for one in names)
    if not texts or len(set(names)) != len(names):
        raise DataError(must_be(where, "different texts, as in ('4', '9')", names))
