"""Figures of the user's own: of the record of an epoch, and of all networks that train at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import CombinationError, ParameterError
from samplewise.training.evaluation import number_of
from samplewise.training.history import EpochRecord

Figure = Callable[[EpochRecord], float]
"""A figure of an epoch's record; less is better where its name ends in "loss", else more."""
EnsembleFigure = Callable[[NDArray[Any], NDArray[Any]], float]
"""A figure of (targets, predictions of all networks on the validation rows); likewise."""


def check_figures(given: Mapping[str, Figure] | None) -> dict[str, Figure]:
    """Return figures by name.

    Args:
        given: functions of a record; None for none.

    Raises:
        ParameterError: not functions by name.
    """
    return _by_name("figures", given, "an epoch's record")


def check_ensemble(
    given: Mapping[str, EnsembleFigure] | None, figures: Collection[str], *, validated: bool
) -> dict[str, EnsembleFigure]:
    """Return figures of all networks by name.

    Args:
        given: functions of targets and predictions; None for none.
        figures: names of those of a record.
        validated: whether there are validation rows.

    Raises:
        ParameterError: not functions by names of their own.
        CombinationError: there are no validation rows.
    """
    ensemble = _by_name("ensemble", given, "targets and the predictions of all networks")
    for name in ensemble:
        if name in figures:
            raise ParameterError(f"ensemble: '{name}' is one of figures too; choose another name")
    if ensemble and not validated:
        raise CombinationError(
            "ensemble: there are no validation rows to measure on; set validation_fraction, or "
            "give validation rows"
        )
    return ensemble


def _by_name(kind: str, given: Any, of: str) -> dict[str, Any]:
    functions = {} if given is None else given
    if not isinstance(functions, Mapping):
        raise ParameterError(
            f"{kind}: must be functions by name, as in {{'half_loss': f}}, got "
            f"'{printable(functions)}'"
        )
    for name, function in functions.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ParameterError(f"{kind}: a name must be a word, got '{printable(name)}'")
        if not callable(function):
            raise ParameterError(
                f"{kind}: '{name}' must be a function of {of}, got '{printable(function)}'"
            )
    return dict(functions)


def with_figures(record: EpochRecord, figures: Mapping[str, Figure]) -> EpochRecord:
    """Return the record, which has its figures now; each is computed from the record without any.

    Raises:
        ParameterError: a figure is not a number.
    """
    if not figures:
        return record
    found = {name: number_of("figures", name, of(record)) for name, of in figures.items()}
    # Nobody else has the record yet; a copy of it would take longer than the figures.
    record.figures.update(found)
    return record
