"""Functions of the user's own that measure a training: their names and results are checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import must_be, shown
from samplewise.errors import CombinationError, ParameterError
from samplewise.training.history import EpochRecord
from samplewise.training.settings.stopping import ACCURACY, LOSS

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
"""A figure of (targets, predictions), such as `sklearn.metrics.r2_score`; more is better."""
Figure = Callable[[EpochRecord], float]
"""A figure of an epoch's record; less is better where its name ends in "loss", else more."""
EnsembleFigure = Callable[[NDArray[Any], NDArray[Any]], float]
"""A figure of (targets, predictions of all networks on the validation rows); likewise."""


@dataclass(frozen=True)
class UserFunctions:
    """The functions that measure a training, by name.

    Args:
        metrics, figures: as `train`.
        ensemble: as `train_many`.
    """

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    ensemble: Mapping[str, EnsembleFigure] = field(default_factory=dict)

    @classmethod
    def checked(
        cls,
        metrics: Mapping[str, Metric] | None,
        figures: Mapping[str, Figure] | None,
        ensemble: Mapping[str, EnsembleFigure] | None = None,
        *,
        validated: bool,
    ) -> UserFunctions:
        """Return the functions that a caller gave; `validated`: there are validation rows.

        Raises:
            ParameterError: these are not functions by name, or a name means something else.
            CombinationError: some measure on validation rows, and there are none.
        """
        own = cls(
            _by_name("metrics", metrics, "targets and predictions", (LOSS, ACCURACY)),
            _by_name("figures", figures, "an epoch's record"),
            _by_name("ensemble", ensemble, "targets and the predictions of all networks"),
        )
        for name in own.ensemble:
            if name in own.figures:
                raise ParameterError(
                    f"ensemble: '{name}' is one of figures too; choose another name"
                )
        for kind, functions in (("metrics", own.metrics), ("ensemble", own.ensemble)):
            if functions and not validated:
                raise CombinationError(
                    f"{kind}: must have validation rows to measure on, got none; set "
                    "validation_fraction, or give validation rows"
                )
        return own

    def figures_of(self, record: EpochRecord) -> dict[str, float | None]:
        """Return the figures of a record, each computed from the record without any.

        Raises:
            ParameterError: a figure is not a number.
        """
        return {name: number_of("figures", name, of(record)) for name, of in self.figures.items()}


NO_FUNCTIONS = UserFunctions()


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


def _by_name(kind: str, given: Any, takes: str, taken: Collection[str] = ()) -> dict[str, Any]:
    """Return functions by name; `takes`: their arguments in words, `taken`: names of other things.

    `kind` is the argument of `train` that has them.
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
