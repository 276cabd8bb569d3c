"""A sampler of optuna, asked for candidates by the costs of those before them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.errors import ParameterError
from samplewise.sweep.definition import SAMPLERS
from samplewise.sweep.journal import canonical
from samplewise.sweep.points import Values
from samplewise.sweep.space import LOG, WHOLE, Range, Space, as_value

Reported = tuple[Values, float | None]
"""A candidate and its cost, less is better: infinite of one that failed, None while it trains."""


@dataclass(frozen=True)
class Sampler:
    """A sampler, without a state: its proposals follow from the seed and the reported costs.

    So a sweep that starts again needs no other database than its journal.

    Args:
        name: one of `SAMPLERS`.
        space: to propose from.
        seed: of the sweep.
    """

    name: str
    space: Space
    seed: int

    def proposals(self, reported: Sequence[Reported]) -> Iterator[Values]:
        """Give candidates after those that are reported, without end, some perhaps more than once.

        Raises:
            ParameterError: a package that the sampler needs is not installed.
        """
        distributions = {w: _distribution(one) for w, one in self.space.factors.items()}
        # Not the generator of the last call: it would be lost with the process.
        seeds = np.random.SeedSequence(self.seed, spawn_key=(len(reported),))
        try:
            study = self._study(int(seeds.generate_state(1)[0]))
            study.add_trials([self._trial(one, distributions) for one in reported])
            while True:
                # The study remembers what it was asked for, so that a batch is spread.
                found = study.ask(distributions).params
                yield {w: self._value(w, found[w]) for w in self.space.factors}
        except ImportError as error:
            raise ParameterError(
                f"sampler: {self.name} needs a package that is not installed ({error}); install "
                "it, or use tpe"
            ) from error

    def _study(self, seed: int) -> Any:
        import optuna

        options: dict[str, Any] = {"seed": seed}
        if self.name == "tpe":
            options["constant_liar"] = True
        with _quiet():
            sampler = getattr(optuna.samplers, SAMPLERS[self.name])(**options)
            return optuna.create_study(sampler=sampler)

    def _trial(self, reported: Reported, distributions: Any) -> Any:
        from optuna.trial import TrialState, create_trial

        values, cost = reported
        state = TrialState.COMPLETE
        if cost is None:
            state = TrialState.RUNNING
        elif not math.isfinite(cost):
            state, cost = TrialState.FAIL, None
        params = {word: self._param(word, values[word]) for word in self.space.factors}
        return create_trial(state=state, value=cost, params=params, distributions=distributions)

    def _value(self, word: str, param: Any) -> Any:
        factor = self.space.factors[word]
        return as_value(word, param) if isinstance(factor, Range) else factor[param]

    def _param(self, word: str, value: Any) -> Any:
        factor = self.space.factors[word]
        if isinstance(factor, Range):
            return value[0] if isinstance(value, list) else value
        return [canonical(one) for one in factor].index(canonical(value))


def _distribution(factor: tuple[Any, ...] | Range) -> Any:
    """Return a range, or the indices of a list, as optuna has it."""
    from optuna import distributions

    if not isinstance(factor, Range):
        return distributions.CategoricalDistribution(range(len(factor)))
    if WHOLE in factor.kind:
        low, high = int(factor.low), int(factor.high)
        return distributions.IntDistribution(low, high, log=LOG in factor.kind)
    return distributions.FloatDistribution(factor.low, factor.high, log=LOG in factor.kind)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep optuna from writing that a study begins."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(before)
