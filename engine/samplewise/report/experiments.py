"""The two parts of the report as experiments: their data, and the settings of their rows."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.data.sources.options import DEFAULT, SourceOptions
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.report.published import (
    CLASSES,
    FollowUpRow,
    PublishedRow,
    Row,
    follow_up_rows,
    published_rows,
)

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Part(Generic[R]):
    """One part of the report.

    Args:
        number: 1 or 2.
        rows: its rows, in order.
        load: gives the rows of the classes that the part needs.
        of_row: settings of one row, for a number of classes.
    """

    number: int
    rows: Callable[[], tuple[R, ...]]
    load: Callable[[str, Sequence[str] | None, SourceOptions], Dataset]
    of_row: Callable[[R, int], dict[str, Any]]

    @property
    def data(self) -> dict[str, Any]:
        """Its section of `parts.toml`."""
        part: dict[str, Any] = parts_data()[f"part_{self.number}"]
        return part

    def experiment(self, settings: Experiment, row: R, classes: int, offset: int) -> Experiment:
        """Return the experiment of a row, with a seed `offset` above that of the settings."""
        options = settings.to_options()
        kept = {name: options[name] for name in parts_data()["kept"]}
        fixed = self.of_row(row, classes) | self.data["settings"]
        return Experiment.from_options(**kept, seed=options["seed"] + offset, **fixed)


@cache
def parts_data() -> dict[str, Any]:
    """Return the content of `parts.toml`."""
    text = files("samplewise.report").joinpath("parts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def load_pair(
    data: str, classes: Sequence[str] | None, options: SourceOptions = DEFAULT
) -> Dataset:
    """Return the rows of two classes, as the network of part 1 needs.

    Args:
        data: as `samplewise.data.loading.load` takes it.
        classes: two of its classes; None means 4 and 9 as in the report, or all of just two.
        options: how a file or folder is read.

    Raises:
        ParameterError: not two classes, or none are named and there is no 4 and 9.
        DataError: the data cannot be loaded.
    """
    if classes is not None and len(classes) != 2:
        raise ParameterError(
            f"classes names {len(classes)} classes, but the report's network distinguishes two"
        )
    dataset = load(data, classes, options)
    if classes is not None or len(dataset.class_names) == 2:
        return dataset
    if not set(CLASSES) <= set(dataset.class_names):
        raise ParameterError(
            f"{printable(dataset.name)} has {len(dataset.class_names)} classes but no "
            f"{' and '.join(CLASSES)} as in the report; name two of them with --classes"
        )
    return dataset.select(CLASSES)


def load_classes(
    data: str, classes: Sequence[str] | None, options: SourceOptions = DEFAULT
) -> Dataset:
    """Return the rows of some classes, at least two; None means all.

    Raises:
        ParameterError: there are fewer than two.
        DataError: the data cannot be loaded.
    """
    dataset = load(data, classes, options)
    if len(dataset.class_names) < 2:
        raise ParameterError(
            f"{printable(dataset.name)} has {len(dataset.class_names)} class, but Part 2 tells "
            "classes apart; give it data of at least two"
        )
    return dataset


def _of_published(row: PublishedRow, _classes: int) -> dict[str, Any]:
    return {"hidden": (row.hidden,), "learning_rate": row.learning_rate, "epochs": row.epochs}


def _of_follow_up(row: FollowUpRow, classes: int) -> dict[str, Any]:
    names = ("learning_rate", "schedule", "batch_size", "epochs")
    return {name: getattr(row, name) for name in names} | {"layers": row.layers(classes)}


PART_ONE = Part(1, published_rows, load_pair, _of_published)
PART_TWO = Part(2, follow_up_rows, load_classes, _of_follow_up)
PARTS: dict[int, Part[Any]] = {1: PART_ONE, 2: PART_TWO}
