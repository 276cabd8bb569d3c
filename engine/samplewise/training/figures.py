"""Figures of the user's own: of the record of an epoch, and of all networks that train at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from numpy.typing import NDArray

from samplewise.errors import ParameterError
from samplewise.training.history import EpochRecord
from samplewise.training.user_functions import check_validated, functions_by_name, number_of

Figure = Callable[[EpochRecord], float]
"""A figure of an epoch's record; less is better where its name ends in "loss", else more."""
EnsembleFigure = Callable[[NDArray[Any], NDArray[Any]], float]
"""A figure of (targets, predictions of all networks on the validation rows); likewise."""


def check_figures(given: Mapping[str, Figure] | None) -> dict[str, Figure]:
    """Return figures by name.

    Raises:
        ParameterError: as `functions_by_name`.
    """
    return functions_by_name("figures", given, "an epoch's record")


def check_ensemble(
    given: Mapping[str, EnsembleFigure] | None, figures: Collection[str], *, validated: bool
) -> dict[str, EnsembleFigure]:
    """Return figures of all networks by name.

    Raises:
        ParameterError: as `functions_by_name`, or a name is one of `figures`.
        CombinationError: as `check_validated`.
    """
    ensemble = functions_by_name("ensemble", given, "targets and the predictions of all networks")
    for name in ensemble:
        if name in figures:
            raise ParameterError(f"ensemble: '{name}' is one of figures too; choose another name")
    check_validated("ensemble", ensemble, validated=validated)
    return ensemble


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
