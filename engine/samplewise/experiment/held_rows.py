"""The rows of validation_data and test_data, read and prepared as rows of the training data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samplewise.checks import printable
from samplewise.data.class_indices import with_class_names
from samplewise.data.columns import composed, places
from samplewise.data.dataset import Dataset
from samplewise.data.loading import load, options_read
from samplewise.data.named_rows import note_on_order
from samplewise.data.pixels import Scale, on_scale
from samplewise.data.sources.options import FOLDER_OPTIONS, SourceOptions
from samplewise.errors import DataError, SamplewiseWarning
from samplewise.experiment.data_settings import DataSettings
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.source_rows import HELD, naming
from samplewise.text import counted
from samplewise.training.notes import warn_of

VALIDATION, TEST = HELD
MOST_COMPARED, BYTES_A_ROW = 2**28, 2**8
"""Bytes of rows that are looked through for rows of the training data, a second at most, and those
that take as long as a row itself."""
_VALUES_AT_ONCE = 2**16


@dataclass(frozen=True, eq=False)
class HeldRows:
    """Rows with a source of their own; None where they are drawn from the training data, if any.

    Args:
        validation, test: raw rows, with columns, classes and scale of the training data.
    """

    validation: Dataset | None = None
    test: Dataset | None = None

    @property
    def fingerprints(self) -> list[str]:
        """Those of the datasets that there are."""
        return [one.fingerprint() for one in (self.validation, self.test) if one is not None]


def held_rows(experiment: Experiment, dataset: Dataset, source: str | None = None) -> HeldRows:
    """Load the rows that an experiment validates and tests on, where their sources are named.

    Args:
        experiment: names them.
        dataset: the rows of `experiment.data`, whose classes are chosen, before the split.
        source: that they were loaded from; None where they were given.

    Raises:
        DataError, ParameterError: as `load`, or they do not fit the dataset; the message begins
            with the setting.

    Warns:
        SamplewiseWarning: rows are in two of the sources, or columns go by position.
    """
    data = experiment.data
    sources: dict[str, str | None] = {"data": source}
    known = {"data": dataset}
    for word, path in ((VALIDATION, data.validation_data), (TEST, data.test_data)):
        if path is None:
            continue
        with naming(word):
            held = _like(_loaded(experiment, dataset, path), dataset, data.classes)
        same = [name for name, other in sources.items() if other and _is_same(path, other)]
        shared = (_note_on_shared(held, rows) for rows in known.values())
        note = _note_on_same(same[0], path) if same else next(filter(None, shared), None)
        if note:
            warn_of([f"{word}: {note}"], SamplewiseWarning)
        sources[word], known[word] = path, held
    return HeldRows(known.get(VALIDATION), known.get(TEST))


def options_like(
    source: str,
    data: DataSettings,
    *,
    image_shape: tuple[int, int] | None,
    full_scale: float | None,
    fit: str,
) -> dict[str, Any]:
    """Return the `SourceOptions` by which a source is read as rows before were.

    Args:
        source: name or path.
        data: the settings that the rows before were read with.
        image_shape: of these rows.
        full_scale: likewise.
        fit: that they were read with.

    Raises:
        DataError: as `options_read`.
    """
    from samplewise.data.sources.image_file import FORMATS

    read = options_read(source)
    known: dict[str, Any] = {"label": data.label, "drop": data.drop, "fit": fit}
    if image_shape is not None:
        known["image_size"] = image_shape
    # Of an array or a table, it was the white of the rows; those of image files have 255.
    of_files = read == FOLDER_OPTIONS or Path(source).suffix.lower() in FORMATS
    if of_files and data.full_scale not in (None, full_scale):
        known["full_scale"] = data.full_scale
    return {word: value for word, value in known.items() if word in read}


def of_known_classes(
    dataset: Dataset, wanted: tuple[str, ...] | None, known: tuple[str, ...], whose: str
) -> Dataset:
    """Return the rows of the wanted classes, numbered as those that are known.

    Args:
        dataset: of classes.
        wanted: to choose, of which not all need be there; None for all.
        known: the names of the classes by their numbers.
        whose: knows them, for messages.

    Raises:
        DataError: a class is not known, or there is none of the wanted ones.
    """
    if wanted is not None:
        here = places(dataset.class_names)
        dataset = dataset.select([name for name in wanted if composed(name) in here] or wanted)
    return with_class_names(dataset, known, whose)


def _loaded(experiment: Experiment, dataset: Dataset, path: str) -> Dataset:
    data = experiment.data
    known = options_like(
        path, data, image_shape=dataset.image_shape, full_scale=dataset.full_scale, fit=data.fit
    )
    options = SourceOptions(numbers=experiment.source_options().numbers, **known)
    return load(path, None, options, dataset.columns)


def _like(held: Dataset, dataset: Dataset, classes: tuple[str, ...] | None) -> Dataset:
    """Return raw rows with columns, classes and scale of a dataset.

    Raises:
        DataError: they are of another kind.
    """
    _check_form(held, dataset)
    of_images = dataset.image_shape is not None
    note = note_on_order(dataset.columns, held.columns, held.name, of_images=of_images)
    if note:
        warn_of([note], SamplewiseWarning)
    if dataset.values is None:
        held = of_known_classes(held, classes, dataset.class_names, "the training set")
    own, wanted = (Scale(one.full_scale, one.array_dtype) for one in (held, dataset))
    return dataclasses.replace(
        held,
        X=on_scale(held.X, own, wanted, held.name, beside=True),
        image_shape=dataset.image_shape,
        full_scale=dataset.full_scale,
        array_dtype=dataset.array_dtype,
        columns=dataset.columns,
    )


def _check_form(held: Dataset, dataset: Dataset) -> None:
    kinds = [_targets(one) for one in (held, dataset)]
    if kinds[0] != kinds[1]:
        raise DataError(
            f"{held.name} has {kinds[0]} as targets, but {dataset.name} has {kinds[1]}; give both "
            "the same kind of labels"
        )
    shapes = [one.image_shape for one in (held, dataset)]
    differ = None not in shapes and shapes[0] != shapes[1]
    if differ or held.features != dataset.features:
        raise DataError(
            f"{held.name} has rows of {_row(held)}, but {dataset.name} has rows of "
            f"{_row(dataset)}; give both the same size"
        )


def _targets(dataset: Dataset) -> str:
    values = dataset.values
    return "classes" if values is None else f"{counted(values.shape[1], 'number')} a row"


def _row(dataset: Dataset) -> str:
    if dataset.image_shape is None:
        return counted(dataset.features, "value")
    height, width = dataset.image_shape
    return f"{height} x {width} pixels"


def _is_same(path: str, other: str) -> bool:
    try:
        return path == other or Path(path).samefile(other)
    except OSError:  # a dataset's name is not a path
        return False


def _note_on_same(other: str, path: str) -> str:
    what = "trained on" if other == "data" else "that training is judged by"
    return (
        f"should have rows of its own, got '{printable(path)}', which is {other} too; its figures "
        f"would be those of rows {what}: name another source"
    )


def _note_on_shared(held: Dataset, dataset: Dataset) -> str | None:
    """Return a note where rows, with their targets, also stand in those of another setting."""
    if sum(one.X.nbytes + len(one) * BYTES_A_ROW for one in (held, dataset)) > MOST_COMPARED:
        return None
    known = set(_hashes(dataset))
    shared = sum(one in known for one in _hashes(held))
    if not shared:
        return None
    return (
        f"should have rows of its own, but {shared:,} of the {counted(len(held), 'row')} in "
        f"{held.name} also {'stands' if shared == 1 else 'stand'} in {dataset.name}, with the same "
        "target; leave copies out of one of them, or the figures will be too good"
    )


def _hashes(dataset: Dataset) -> Iterator[int]:
    """Give a number for each row and its targets: the sets of all bytes would fill the memory."""
    count = max(1, _VALUES_AT_ONCE // dataset.features)
    targets = dataset.targets.reshape(len(dataset), -1)
    for first in range(0, len(dataset), count):
        some = slice(first, first + count)
        # Of one dtype, and two zeros are one value, whatever their sign.
        rows = np.hstack((dataset.X[some].astype(np.float64), targets[some])) + 0.0
        size, found = rows[0].nbytes, rows.tobytes()
        yield from (hash(found[i : i + size]) for i in range(0, len(found), size))
