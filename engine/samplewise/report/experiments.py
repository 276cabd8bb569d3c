"""The two parts of the report as sweeps: their data, their tables and the trials of each row."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.data.sources.options import DEFAULT_OPTIONS, SourceOptions
from samplewise.errors import ParameterError
from samplewise.experiment.config_file import checked_options
from samplewise.experiment.experiment import Experiment
from samplewise.report.published import (
    CLASSES,
    FollowUpRow,
    PublishedRow,
    Row,
    follow_up_rows,
    published_rows,
)
from samplewise.sweep.definition import Sweep
from samplewise.sweep.trials import Trial
from samplewise.text import counted

R = TypeVar("R", bound=Row)
Definition = Mapping[str, Any]
# Each row with its trials, one a repeat.
RowTrials = list[tuple[R, tuple[Trial, ...]]]


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table of the report, which is a sweep.

    Args:
        rows: in the order of the candidates; of equal settings, in that of their seeds.
        sweep: gives its `settings`, `space` and `seeds`, as in the file of a sweep, for a number of
            classes. The seeds are those of one repeat.
    """

    rows: tuple[R, ...]
    sweep: Callable[[int], Definition]


@dataclass(frozen=True)
class Part(Generic[R]):
    """One part of the report.

    Args:
        number: 1 or 2.
        tables: its tables, in order.
        load: gives the rows of the classes that the part needs.
    """

    number: int
    tables: Callable[[], tuple[Table[R], ...]]
    load: Callable[[str, Sequence[str] | None, SourceOptions], Dataset]

    @property
    def rows(self) -> tuple[R, ...]:
        """The rows of all tables, in order."""
        return tuple(row for table in self.tables() for row in table.rows)

    @property
    def data(self) -> dict[str, Any]:
        """Its section of `parts.toml`."""
        part: dict[str, Any] = parts_data()[f"part_{self.number}"]
        return part

    def trials(
        self, settings: Experiment, classes: int, repeats: int, tables: Sequence[Table[R]]
    ) -> RowTrials[R]:
        """Return the rows of some tables with the trials of their sweeps.

        Trial j of row i has the seed of the settings and i * repeats + j; all share the rows held
        out for testing.

        Args:
            settings: of which those that `parts.toml` keeps and the seed are taken.
            classes: names of those to learn.
            repeats: trials of each row, at least 1.
            tables: of this part.
        """
        options = settings.to_options()
        kept = {name: options[name] for name in parts_data()["kept"]}
        kept["split_seed"] = options["seed"]
        found: RowTrials[R] = []
        for table in tables:
            given = table.sweep(classes)
            own = checked_options(self.data["settings"] | given["settings"], "parts.toml")
            first = options["seed"] + len(found) * repeats
            seeds = given.get("seeds", 1) * repeats
            sweep = Sweep(given["space"], kept | own | {"seed": first}, seeds=seeds, own_seeds=True)
            of_rows = (
                sweep.trials[start : start + repeats]
                for start in range(0, len(sweep.trials), repeats)
            )
            found += zip(table.rows, of_rows, strict=True)
        return found


@cache
def parts_data() -> dict[str, Any]:
    """Return the content of `parts.toml`."""
    text = files("samplewise.report").joinpath("parts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def load_pair(
    data: str, classes: Sequence[str] | None, options: SourceOptions = DEFAULT_OPTIONS
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
            f"classes names {counted(len(classes), 'class', 'classes')}, but the report's "
            "network distinguishes two"
        )
    dataset = load(data, classes, options)
    if classes is not None or len(dataset.class_names) == 2:
        return dataset
    if not set(CLASSES) <= set(dataset.class_names):
        raise ParameterError(
            f"{printable(dataset.name)} has "
            f"{counted(len(dataset.class_names), 'class', 'classes')} but no "
            f"{' and '.join(CLASSES)} as in the report; name two of them with --classes"
        )
    return dataset.select(CLASSES)


def load_classes(
    data: str, classes: Sequence[str] | None, options: SourceOptions = DEFAULT_OPTIONS
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


def published_table(name: str) -> Table[PublishedRow]:
    """Return a table of part 1, whose sweep is the same for any classes."""
    given = parts_data()["part_1"]["tables"][name]
    rows = tuple(row for row in published_rows() if row.experiment == name)
    return Table(rows, lambda _classes: given)


def follow_up_table(row: FollowUpRow) -> Table[FollowUpRow]:
    """Return a row of part 2 as a sweep of one candidate."""
    names = ("learning_rate", "schedule", "batch_size", "epochs")
    settings = {name: getattr(row, name) for name in names}
    return Table(
        (row,), lambda classes: {"settings": settings, "space": {"layers": [row.layers(classes)]}}
    )


PART_ONE = Part(1, lambda: tuple(map(published_table, parts_data()["part_1"]["tables"])), load_pair)
PART_TWO = Part(2, lambda: tuple(map(follow_up_table, follow_up_rows())), load_classes)
PARTS: dict[int, Part[Any]] = {1: PART_ONE, 2: PART_TWO}
