"""Figures of the user's own, computed from the record of an epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from samplewise.checks import printable
from samplewise.errors import ParameterError
from samplewise.training.evaluation import number_of
from samplewise.training.history import EpochRecord

Figure = Callable[[EpochRecord], float]
"""A figure of an epoch's record; less is better where its name ends in "loss", else more."""


def check_figures(given: Mapping[str, Figure] | None) -> dict[str, Figure]:
    """Return figures by name.

    Args:
        given: functions of a record; None for none.

    Raises:
        ParameterError: not functions by name.
    """
    figures = {} if given is None else given
    if not isinstance(figures, Mapping):
        raise ParameterError(
            f"figures: must be functions by name, as in {{'half_loss': f}}, got "
            f"'{printable(figures)}'"
        )
    for name, figure in figures.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ParameterError(f"figures: a name must be a word, got '{printable(name)}'")
        if not callable(figure):
            raise ParameterError(
                f"figures: '{name}' must be a function of an epoch's record, got "
                f"'{printable(figure)}'"
            )
    return dict(figures)


def with_figures(record: EpochRecord, figures: Mapping[str, Figure]) -> EpochRecord:
    """Return the record with its figures, each computed from the record without any.

    Raises:
        ParameterError: a figure is not a number.
    """
    found = {name: number_of("figures", name, of(record)) for name, of in figures.items()}
    return dataclasses.replace(record, figures=found)
