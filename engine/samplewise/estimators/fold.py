"""Estimators of a search on the rows of one fold, whose checks and copy they share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any

from samplewise.estimators.held_out import Rows
from samplewise.estimators.inputs import numpy_only
from samplewise.estimators.running import Task
from samplewise.estimators.tasks import Given, rows_of, task_of
from samplewise.estimators.together import Preparation, have_same_rows, is_same_value

NOT_OF_ROWS = frozenset(
    {"activation", "alpha", "beta_1", "beta_2", "epsilon", "hidden_layer_sizes", "learning_rate"}
    | {"learning_rate_init", "max_iter", "momentum", "n_iter_no_change", "nesterovs_momentum"}
    | {"power_t", "random_state", "shuffle", "tol", "validation_fraction"}
)
"""Parameters on which neither rows to learn from depend, nor the attributes that these set."""


@dataclass(frozen=True)
class Fold:
    """Prepares trainings of estimators on the same arguments of `fit`."""

    given: Given
    _tasks: list[Task] = field(default_factory=list)
    _rows: list[tuple[dict[str, Any], dict[str, Any], Rows]] = field(default_factory=list)

    def prepared(self, estimator: Any) -> Preparation:
        """Return the training of an estimator that is not fitted.

        Raises:
            ValueError: as `fit`.
        """
        params = estimator.get_params(deep=False)
        with numpy_only(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            rows = self._checked_rows(estimator, params, warned)
            task = self._with_known_rows(task_of(estimator, self.given, anew=True, rows=rows))
        return Preparation(estimator, params, self.given, task, bool(warned))

    def _checked_rows(self, estimator: Any, params: dict[str, Any], warned: list[Any]) -> Rows:
        """Return the rows to learn from, and set the attributes that come of them."""
        own = {name: value for name, value in params.items() if name not in NOT_OF_ROWS}
        for others, attributes, rows in self._rows:
            if all(is_same_value(value, others[name]) for name, value in own.items()):
                vars(estimator).update(attributes)
                return rows
        rows = rows_of(estimator, self.given, anew=True)
        # Each estimator that is warned of its rows warns by itself.
        if not warned:
            attributes = {name: at for name, at in vars(estimator).items() if name not in params}
            self._rows.append((own, attributes, rows))
        return rows

    def _with_known_rows(self, task: Task) -> Task:
        """Return a training with the rows of a known one, where these are the same; else note it.

        So there is one copy of the rows, however many candidates.
        """
        for other in self._tasks:
            if have_same_rows(other, task):
                return replace(task, rows=other.rows, held=other.held)
        self._tasks.append(task)
        return task
