"""Trainings of several estimators on the same rows, as one product; fits then take the results."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import same_numbers
from samplewise.errors import DivergenceError, raised_by_signal_handler
from samplewise.estimators.fitted import warn_of_end
from samplewise.estimators.held_out import Rows
from samplewise.estimators.interrupts import handled
from samplewise.estimators.running import Outcome, Task
from samplewise.estimators.tasks import Given
from samplewise.threads import many_split_over
from samplewise.training.environment import usable_cores
from samplewise.training.many import train_many_without_warnings
from samplewise.training.shared import shared_key

MOST_NETWORKS = 32
"""Networks of one product at most; of more the caches no longer hold what they need."""
_COMPARABLE = (int, float, str, np.generic)
"""Types whose == says whether two values of one type are equal; others are so by identity."""


@dataclass(frozen=True, eq=False)
class Preparation:
    """A training that is prepared before the `fit` that asks for it.

    Args:
        estimator: that was prepared.
        params: its parameters.
        given: arguments of `fit`.
        task: the training.
        warned: whether there was a warning.
    """

    estimator: Any
    params: Mapping[str, Any]
    given: Given
    task: Task
    warned: bool

    def is_of(self, estimator: Any, given: Given) -> bool:
        """Return True if preparing the estimator would give this training, without a warning."""
        return (
            not self.warned
            and type(estimator) is type(self.estimator)
            and _has_values(estimator, self.params)
            and _has_values(given, vars(self.given))
        )

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that preparing has set."""
        found = vars(self.estimator).items()
        return {name: value for name, value in found if name not in self.params}


@dataclass(frozen=True, eq=False)
class Trained:
    """A training that is done before the `fit` that asks for it."""

    preparation: Preparation
    outcome: Outcome

    @property
    def fails(self) -> bool:
        """True if a filter makes an error of the warning of `fitted`."""
        with warnings.catch_warnings(record=True):
            try:
                warn_of_end(self.preparation.estimator, self.outcome)
            except Warning:
                return True
        return False

    def fitted(self) -> Any:
        """Return the estimator that was prepared, as `fit` would leave it.

        Warns:
            ConvergenceWarning: as `fit`.
        """
        estimator = self.preparation.estimator
        estimator._keep(self.preparation.task, self.outcome, anew=True)
        warn_of_end(estimator, self.outcome)
        return estimator


# The trainings that are offered to the fits of this thread.
_OFFERED: ContextVar[list[Trained]] = ContextVar("trained together")


@contextmanager
def offered(trained: list[Trained]) -> Iterator[None]:
    """Offer trainings to the fits of this block, in this thread; each is taken once."""
    token = _OFFERED.set(trained)
    try:
        yield
    finally:
        _OFFERED.reset(token)


def prepared_before(estimator: Any, given: Given) -> Task | None:
    """Return the training of an estimator, as `task_of` would, where it is done; else None.

    Sets the attributes that preparing sets.
    """
    for one in _OFFERED.get([]):
        if one.preparation.is_of(estimator, given):
            vars(estimator).update(one.preparation.attributes)
            return one.preparation.task
    return None


def done_before(estimator: Any, task: Task) -> Outcome | None:
    """Return the outcome of the training of an estimator where it is done, else None."""
    offered = _OFFERED.get([])
    for place, one in enumerate(offered):
        goes_by = one.preparation.estimator.monitor
        if is_same_value(goes_by, estimator.monitor) and _is_same(one.preparation.task, task):
            del offered[place]
            return one.outcome
    return None


def train_together(prepared: Sequence[Preparation]) -> list[Trained]:
    """Train networks in groups of those that can share a product.

    Returns:
        All but those that diverged, failed or train only by themselves: these train in `fit`.

    Raises:
        KeyboardInterrupt: after Ctrl-C.
    """
    with many_split_over(usable_cores()):
        return [one for group in _groups(prepared) for one in _trained_or_none(group)]


def _groups(prepared: Sequence[Preparation]) -> list[list[Preparation]]:
    """Return groups of at most `MOST_NETWORKS` that can share a product."""
    groups: list[tuple[Any, list[Preparation]]] = []
    for one in prepared:
        task = one.task
        shared = shared_key(task.network, task.objective.loss, task.settings)
        if shared is None:
            continue
        key = (one.estimator.monitor, task.objective, shared)
        for known, group in groups:
            if known == key and have_same_rows(group[0].task, task):
                group.append(one)
                break
        else:
            groups.append((key, [one]))
    return [
        group[start : start + MOST_NETWORKS]
        for _, group in groups
        for start in range(0, len(group), MOST_NETWORKS)
    ]


def _trained_or_none(group: Sequence[Preparation]) -> list[Trained]:
    """Return the trainings of a group; none where an error ends it, which `fit` meets again."""
    try:
        return _trained(group)
    except Exception as error:
        # A `monitor` of the user may raise anything.
        if raised_by_signal_handler(error):
            raise
        return []


def _trained(group: Sequence[Preparation]) -> list[Trained]:
    tasks = [one.task for one in group]
    first = tasks[0]
    with handled() as interrupts:
        results = train_many_without_warnings(
            [task.network for task in tasks],
            first.rows.X,
            first.rows.targets,
            [task.settings for task in tasks],
            initial=[task.starts[0] for task in tasks],
            metrics=first.metrics,
            figures=first.figures,
            stop=interrupts.stop,
            validation=first.validation,
            sample_weight=first.rows.weights,
        )
    if interrupts.stop.is_set():
        raise KeyboardInterrupt
    return [
        Trained(each, Outcome(one.parameters, one.history.backend, one.state, one.history))
        for each, one in zip(group, results, strict=True)
        if not isinstance(one, DivergenceError)
    ]


def _is_same(one: Task, other: Task) -> bool:
    """Return True if two trainings that go by the same score have the same result."""
    return (
        one.settings == other.settings
        and one.objective == other.objective
        and one.network == other.network
        and _are_equal(one.starts[0].parameters, other.starts[0].parameters)
        and have_same_rows(one, other)
    )


def have_same_rows(one: Task, other: Task) -> bool:
    """Return True if two trainings have the same rows to learn from, and the same held out."""
    return _same_rows(one.rows, other.rows) and _same_rows(one.held, other.held)


def _same_rows(one: Rows | None, other: Rows | None) -> bool:
    if one is None or other is None:
        return one is other
    return (
        _are_equal(one.X, other.X)
        and _are_equal(one.targets, other.targets)
        and _are_equal(one.weights, other.weights)
    )


def _has_values(owner: Any, values: Mapping[str, Any]) -> bool:
    return all(is_same_value(getattr(owner, name), value) for name, value in values.items())


def is_same_value(one: Any, other: Any) -> bool:
    """Return True if two parameters or arguments are known to be equal."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return _are_equal(one, other)
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(is_same_value, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same_value(one[k], other[k]) for k in one)
    return isinstance(one, _COMPARABLE) and bool(one == other)


def _are_equal(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is other:
        return True
    if one is None or other is None:
        return False
    return one.dtype == other.dtype and same_numbers(one, other)
