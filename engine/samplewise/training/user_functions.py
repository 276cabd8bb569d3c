"""Functions of the user's own that measure a training: their names and results are checked.

A figure is of an epoch's record, or of the predictions of all networks that train at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import must_be, shown
from samplewise.errors import CombinationError, ParameterError
from samplewise.training.history import EpochRecord

Figure = Callable[[EpochRecord], float]
"""A figure of an epoch's record; less is better where its name ends in "loss", else more."""
EnsembleFigure = Callable[[NDArray[Any], NDArray[Any]], float]
"""A figure of (targets, predictions of all networks on the validation rows); likewise."""


def functions_by_name(
    kind: str, given: Any, takes: str, taken: Collection[str] = ()
) -> dict[str, Any]:
    """Return functions by name.

    Args:
        kind: the argument of `train` that has them, for messages.
        given: a mapping from names to functions; None for none.
        takes: arguments of such a function, in words.
        taken: names that mean something else.

    Raises:
        ParameterError: it is not a mapping, a name is not a word or taken, or a value is not a
            function.
    """
    functions = {} if given is None else given
    if not isinstance(functions, Mapping):
        wanted = "functions by name, as in {'mine': f}"
        raise ParameterError(must_be(kind, wanted, functions))
    for name, function in functions.items():
        if not isinstance(name, str) or not name.isidentifier() or name in taken:
            other = f" other than {' and '.join(taken)}" if taken else ""
            raise ParameterError(must_be(f"{kind}: a name", f"a word{other}", name))
        if not callable(function):
            raise ParameterError(must_be(f"{kind}: '{name}'", f"a function of {takes}", function))
    return dict(functions)


def check_validated(kind: str, functions: Mapping[str, Any], *, validated: bool) -> None:
    """Refuse functions that measure on validation rows where there are none.

    Raises:
        CombinationError: it says what to set.
    """
    if functions and not validated:
        raise CombinationError(
            f"{kind}: must have validation rows to measure on, got none; set validation_fraction, "
            "or give validation rows"
        )


def number_of(kind: str, name: str, value: Any) -> float | None:
    """Return a user's figure as Python's float; None where it is not finite: JSON cannot hold it.

    Args:
        kind: the argument of `train` that has its function, for errors.
        name: its name there.
        value: as the function returned it.

    Raises:
        ParameterError: it is not a number.
    """
    # Asked for in every epoch, and the checks of other kinds take ten times as long.
    if type(value) is float:
        return value if math.isfinite(value) else None
    value = (
        value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value
    )
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ParameterError(f"{kind}: '{name}' must return a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        # Python's whole numbers and fractions may be larger than any float.
        return None
    return number if math.isfinite(number) else None


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
