"""The data of an experiment: its source, and how it is read, preprocessed and split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from samplewise.checks import must_be, open_fraction, positive_number, printable, shown
from samplewise.data.preprocessing import AUTO, PREPROCESSING
from samplewise.data.sources.options import (
    FITS,
    STRETCH,
    SourceOptions,
    column_name,
    column_names,
    parsed_size,
)
from samplewise.errors import CombinationError, ParameterError
from samplewise.options.fields import documented, option
from samplewise.options.kinds import SWITCH, choice, names, number, text, whole
from samplewise.options.settings import Settings

TEST_FRACTION = 0.2
"""Share of the rows held out for testing, unless split or test_data is given."""


def _source(name: str, given: Any) -> str:
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(path, str) or not path:
        got = f"'{path}'" if isinstance(path, str) else f"a value of type {type(path).__name__}"
        raise ParameterError(
            f"{name}: must name a source or a path, got {got}; train on arrays and frames by "
            "train(network, X, targets, settings)"
        )
    return path


def _classes(name: str, given: Any) -> tuple[str, ...]:
    found = tuple(given) if isinstance(given, list) else given
    if not isinstance(found, tuple) or not all(isinstance(each, str) for each in found):
        raise ParameterError(must_be(name, "texts, as in ('4', '9')", given))
    if len(found) < 2:
        raise ParameterError(
            f"{name}: must name at least two classes, got {shown(', '.join(found))}"
        )
    return found


def _image_size(_name: str, given: Any) -> str:
    parsed_size(given)
    return str(given)


def named_twice(word: str, path: str | None, other: str, value: object) -> CombinationError:
    """Return the error of rows that have a source of their own and are to be held out too."""
    return CombinationError(
        f"{other}: cannot be given with {word}, whose rows take the place of those held out, got "
        f"{printable(value)} and '{printable(path)}'; leave out {other} or {word}"
    )


@documented
@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """The data of an experiment: its source, and how it is read, preprocessed and split.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    PANEL = "Data"

    source: str = option(
        "synthetic",
        text(_source),
        "dataset: synthetic, synthetic:SEED, sign-digits, digits, breast_cancer, iris, wine, or "
        "the path of an .npz, a .csv or a folder of images",
        word="data",
    )
    classes: tuple[str, ...] | None = option(
        None,
        names(_classes),
        "classes to keep, at least two, as in 4,9; a name with a comma in double quotes",
        shown="all",
    )
    label: str | None = option(
        None,
        text(column_name),
        "label column of a table",
        shown="label, labels, class or target",
    )
    drop: tuple[str, ...] = option(
        (), names(column_names), "columns of a table to leave out, as in id,date"
    )
    image_size: str = option(
        "28x28",
        text(_image_size, metavar="HEIGHTxWIDTH"),
        "size in pixels that the images of a folder are resized to",
    )
    fit: str = option(
        STRETCH, choice(FITS), "how an image of other proportions is resized to image_size"
    )
    full_scale: float | None = option(
        None,
        number(positive_number),
        "value of a white pixel; makes the rows of an array images",
        shown="255 for image files and uint8 arrays",
    )
    preprocess: str = option(
        AUTO,
        choice(PREPROCESSING),
        "preprocessing; auto scales images and standardizes tables",
    )
    standardize_targets: bool = option(
        False,
        SWITCH,
        "train on targets of zero mean and unit variance, for losses of numbers; predictions and "
        "test figures keep the data's units",
    )
    validation_data: str | None = option(
        None,
        text(_source),
        "dataset or path, as data, of rows to validate on instead of validation_fraction",
        shown="none",
    )
    test_data: str | None = option(
        None,
        text(_source),
        "dataset or path, as data, of rows to test on instead of split; all rows of data train",
        shown="none",
    )
    split: float | None = option(
        None,
        number(open_fraction),
        "share of the rows held out for testing",
        shown=f"{TEST_FRACTION}",
    )
    split_seed: int | None = option(
        None,
        whole(minimum=0),
        "seed of the rows held out for testing, so that runs of other seeds share them",
        shown="the seed",
    )
    stratify: bool = option(False, SWITCH, "split each class in the same proportion")

    def __post_init__(self) -> None:
        """Check the options, and refuse those of a split that does not take place."""
        super().__post_init__()
        for word in ("split", "stratify") if self.test_data is not None else ():
            if getattr(self, word):
                raise named_twice("test_data", self.test_data, word, getattr(self, word))

    @property
    def test_fraction(self) -> float:
        """The share of the rows that is held out for testing, where `test_data` is None."""
        return TEST_FRACTION if self.split is None else self.split

    def source_options(self, *, numbers: bool) -> SourceOptions:
        """Return the options that the source is read with.

        Args:
            numbers: read the labels as numbers to learn, not as classes.
        """
        return SourceOptions(
            numbers=numbers,
            label=self.label,
            drop=self.drop,
            image_size=parsed_size(self.image_size),
            fit=self.fit,
            full_scale=self.full_scale,
        )
