"""The rows of an experiment's data, read with those of its options that are for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from samplewise.data.columns import Columns, found_name
from samplewise.data.dataset import Dataset
from samplewise.data.loading import load, options_read, source_name
from samplewise.data.sources.options import DEFAULT_OPTIONS, TABLE_OPTIONS, SourceOptions
from samplewise.errors import DataError, ParameterError
from samplewise.experiment.experiment import Experiment

HELD = ("validation_data", "test_data")
_FOR_ANY = ("label", "drop", "fit", "full_scale")
"""The options that may be for a source of `HELD` alone: its images have the size of the data's."""


def load_source(
    experiment: Experiment,
    classes: Sequence[str] | None = None,
    columns: Columns | None = None,
) -> Dataset:
    """Load the rows that `experiment.data.source` names.

    Args:
        experiment: the source, and its options; those that only validation_data or test_data
            reads, and columns to drop that only these have, are left out.
        classes: as `load`.
        columns: likewise.

    Raises:
        DataError, ParameterError: as `load`; or validation_data or test_data cannot be read.
    """
    source = source_name(experiment.data.source)
    return load(source, classes, _options(experiment, source, columns), columns)


def _options(experiment: Experiment, source: str, columns: Columns | None) -> SourceOptions:
    options, data = experiment.source_options(), experiment.data
    read, read_of_held = options_read(source), set[str]()
    held = {word: path for word in HELD if (path := getattr(data, word)) is not None}
    for word, path in held.items():
        with naming(word):
            read_of_held |= options_read(path)
    unread = [word for word in _FOR_ANY if word in read_of_held and word not in read]
    options = dataclasses.replace(
        options, **{word: getattr(DEFAULT_OPTIONS, word) for word in unread}
    )
    # With known columns, those to drop may be missing anyway.
    if not (options.drop and held and read == TABLE_OPTIONS and columns is None):
        return options
    return dataclasses.replace(options, drop=_without_those_of_held(options.drop, source, held))


def _without_those_of_held(
    drop: tuple[str, ...], source: str, held: dict[str, str]
) -> tuple[str, ...]:
    """Return columns to drop without those that are in a held table, and not in the source."""
    from samplewise.data.sources.csv_file import read_names

    names = read_names(Path(source))
    absent = {name for name in drop if found_name(name) not in names}
    found = set[str]()
    for word, path in held.items() if absent else ():
        with naming(word):
            found.update(read_names(Path(path)) if options_read(path) == TABLE_OPTIONS else ())
    return tuple(name for name in drop if name not in absent or found_name(name) not in found)


@contextmanager
def naming(word: str) -> Iterator[None]:
    """Let an error begin with the setting whose rows it is about."""
    try:
        yield
    except (DataError, ParameterError) as error:
        raise type(error)(f"{word}: {error}") from error
