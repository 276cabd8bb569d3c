"""From the name or path that a user gives to a dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from samplewise.checks import must_be, printable, suggestion
from samplewise.data.columns import Columns
from samplewise.data.dataset import Dataset
from samplewise.data.sources.options import (
    ARRAY_OPTIONS,
    DEFAULT_OPTIONS,
    FOLDER_OPTIONS,
    TABLE_OPTIONS,
    SourceOptions,
)
from samplewise.errors import DataError, ParameterError
from samplewise.io.reading import is_data_folder

SOURCES = ("synthetic", "sign-digits", "digits", "breast_cancer", "iris", "wine")
"""Names that need no file; `synthetic:SEED` is one too."""
FOLDER = "folder"

_UNPACK, _EXPORT = "unpack it first", "save its table as .csv"
_REMEDIES = {
    **dict.fromkeys(
        (".tsv", ".tab", ".txt", ".data", ".dat"),
        "rename it to .csv, where commas, semicolons or tabs separate its columns",
    ),
    ".npy": "store rows and labels in one file with numpy.savez(file, dataset=..., labels=...)",
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zip", ".tar", ".tgz"), _UNPACK),
    **dict.fromkeys((".parquet", ".feather", ".xls", ".xlsx", ".ods"), _EXPORT),
}
"""The remedies for files of other kinds, by their endings."""


def load(
    data: str,
    classes: Sequence[str] | None = None,
    options: SourceOptions = DEFAULT_OPTIONS,
    columns: Columns | None = None,
) -> Dataset:
    """Return the dataset that `data` names.

    Args:
        data: one of `SOURCES`, `synthetic:SEED`, or the path of an .npz file, a .csv file or a
            folder of images. A name wins over a path of the same spelling; write `./digits` for
            the path.
        classes: the classes to keep, the first becoming class 0; None keeps all.
        options: how a file or folder is read; numbers to learn are only in .npz and .csv files.
        columns: those of a model, `Model.columns`: the columns of a table are matched by name to
            them, in any order. None takes a table's columns as they are.

    Raises:
        DataError: neither a name nor a path, a class that does not exist, or what the loader finds.
        ParameterError: `options` are not a SourceOptions, or one is set that is not read for this
            source.
    """
    name = source_name(data)
    if not isinstance(options, SourceOptions):
        raise ParameterError(must_be("options", "a SourceOptions", options))
    kind = _kind(name, options)
    options.check_read(name, options_read(name))
    dataset = _loaded(kind, name, classes, options, columns)
    return dataset if classes is None else dataset.select(classes)


def source_name(given: object) -> str:
    """Return the name or path that a caller gave, as text.

    Raises:
        DataError: it is neither text nor a path, or an address in a network.
    """
    name = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(name, str):
        raise DataError(
            f"data: must name a source or a path, got {type(given).__name__}; arrays and frames "
            "are trained on by train(network, X, targets, settings)"
        )
    if "://" in name:
        raise DataError(
            f"'{printable(name)}' is an address in a network; download it, and give the path"
        )
    return name


def options_read(data: str) -> frozenset[str]:
    """Return the names of the options that are read for a source.

    Raises:
        DataError: the path cannot be looked at.
    """
    if _is_named(data):
        return frozenset()
    if data and is_data_folder(Path(data)):
        return FOLDER_OPTIONS
    return TABLE_OPTIONS if Path(data).suffix.lower() == ".csv" else ARRAY_OPTIONS


def _is_named(data: str) -> bool:
    return data in SOURCES or data.startswith("synthetic:")


def _kind(data: str, options: SourceOptions) -> str:
    """Return the kind of a source: a name of `SOURCES`, FOLDER, or the ending of a file.

    Raises:
        DataError: it is none of these, or holds classes only, where `options` ask for numbers.
    """
    if _is_named(data):
        if options.numbers:
            raise DataError(
                f"{printable(data)} holds classes, but the loss learns numbers; choose a loss of "
                "classes, or give an .npz or .csv file whose labels are numbers"
            )
        return data.partition(":")[0]
    path = Path(data)
    suffix = path.suffix.lower()
    if data and is_data_folder(path):
        if options.numbers:
            raise DataError(
                f"{printable(path)} is a folder, whose images have classes, but the loss learns "
                "numbers; choose a loss of classes, or give an .npz or .csv file"
            )
        return FOLDER
    if suffix not in (".npz", ".csv"):
        raise DataError(_not_a_source(data, path))
    return suffix


def _loaded(
    kind: str,
    data: str,
    classes: Sequence[str] | None,
    options: SourceOptions,
    columns: Columns | None,
) -> Dataset:
    """Load a source; only its own module is imported, as some take long."""
    path = Path(data)
    if kind == "synthetic":
        # Drawing only the wanted classes saves most of the time; files are read whole anyway.
        return _synthetic(data, classes)
    if kind == "sign-digits":
        from samplewise.data.sources.sign_digits import load_sign_digits

        return load_sign_digits()
    if kind == FOLDER:
        from samplewise.data.sources.image_folder import load_image_folder

        return load_image_folder(path, options)
    if kind == ".npz":
        from samplewise.data.sources.npz_file import load_npz

        return load_npz(path, options)
    if kind == ".csv":
        from samplewise.data.sources.csv_file import load_csv

        return load_csv(path, options, columns)
    from samplewise.data.sources.bundled import load_bundled

    return load_bundled(kind)


def _synthetic(data: str, classes: Sequence[str] | None) -> Dataset:
    from samplewise.data.sources.synthetic import load_synthetic

    _, colon, seed = data.partition(":")
    if not colon:
        return load_synthetic(classes)
    if not (seed.isascii() and seed.isdigit() and len(seed) <= 18):
        raise DataError(
            "data: the seed must be a whole number from 0, as in synthetic:7, got "
            f"'synthetic:{printable(seed)}'"
        )
    return load_synthetic(classes, seed=int(seed))


def _not_a_source(data: str, path: Path) -> str:
    expected = f"expected {', '.join(SOURCES)}, synthetic:SEED, an .npz or .csv file, or a folder"
    if data and os.path.lexists(path):
        kind = f"{printable(path)} is neither an .npz file, a .csv file nor a folder"
        return "; ".join(filter(None, (kind, _REMEDIES.get(path.suffix.lower()), expected)))
    hint = suggestion(data, SOURCES)
    return f"'{printable(data)}' is neither a dataset nor a path; {expected}{hint}"
