"""The trials of a sweep: one experiment each, made when it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from samplewise.checks import printable
from samplewise.errors import CombinationError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.sweep.computed import Computed
from samplewise.sweep.journal import Entry, canonical
from samplewise.sweep.points import Points, Values
from samplewise.training.snapshot import Snapshot

ALL, SOME = 10_000, 500
"""Trials of which all are checked before the first is trained; candidates checked of more, twice:
at random, and those that differ from the first in one factor."""
_DEFAULTS = Experiment().to_options()
_DIGITS = 20


@dataclass(frozen=True)
class Trial:
    """One experiment of a sweep.

    Args:
        key: a hash of all its settings.
        candidate: number of its values, counted from 1.
        values: of the factors.
        seed: of the repeat.
        experiment: all of it.
        until: epochs after which it pauses; None trains to the end.
        initial: the snapshot to go on from; None begins.
    """

    key: str
    candidate: int
    values: Values
    seed: int
    experiment: Experiment
    until: int | None = None
    initial: Snapshot | None = None


class Trials(Computed[Trial]):
    """The trials of some candidates, each with every seed.

    Args:
        points: the candidates.
        base: the settings that all trials share.
        seeds: of the first candidate.
        own_seeds: count them on from candidate to candidate.
    """

    def __init__(
        self, points: Points, base: Experiment, seeds: Sequence[int], *, own_seeds: bool
    ) -> None:
        super().__init__(len(points) * len(seeds))
        self.points = points
        self._base, self._seeds, self._own_seeds = base, seeds, own_seeds

    def _item(self, index: int) -> Trial:
        point, repeat = divmod(index, len(self._seeds))
        return self._trial(point, self.points[point], repeat)

    def _trial(self, point: int, values: Values, repeat: int) -> Trial:
        options = {w: tuple(one) if isinstance(one, list) else one for w, one in values.items()}
        try:
            experiment = self._base.with_options(
                **{"seed": self._seed(point, values, repeat)} | options
            )
        except ParameterError as error:
            raise type(error)(f"candidate {point + 1} ({named(values)}): {error}") from error
        key = _hash(changed(experiment))
        return Trial(key, point + 1, values, experiment.training.seed, experiment)

    def candidate(self, number: int, values: Values) -> list[Trial]:
        """Return the trials of a candidate, one for each seed.

        Args:
            number: counted from 1.
            values: of all factors.

        Raises:
            ParameterError: they are not a valid experiment.
        """
        return [self._trial(number - 1, values, i) for i in range(len(self._seeds))]

    def outline(self, index: int) -> tuple[int, Values, int]:
        """Return candidate, values and seed of a trial, which need not be a valid experiment."""
        point, repeat = divmod(index, len(self._seeds))
        values = self.points[point]
        return point + 1, values, self._seed(point, values, repeat)

    def stand_in(self, index: int) -> Trial:
        """Return a trial that is not a valid experiment, with the settings that all share."""
        number, values, seed = self.outline(index)
        return Trial(_hash({"values": values, "seed": seed}), number, values, seed, self._base)

    def place(self, entry: Entry) -> int | None:
        """Return the index of the trial of a journal's line; None where the sweep has no such."""
        try:
            point = self.points.number(entry["values"])
            first = self._seed(point, entry["values"], 0)
            repeat = self._seeds.index(entry["seed"] - first + self._seeds[0])
        except (KeyError, ValueError):
            return None
        return point * len(self._seeds) + repeat

    def _seed(self, point: int, values: Values, repeat: int) -> int:
        first = point * len(self._seeds) if self._own_seeds else 0
        seed: int = values.get("seed", self._seeds[repeat] + first)
        return seed

    def differing(self, words: Collection[str]) -> list[Trial]:
        """Return the first trial of each combination of values of some factors."""
        return [self[point * len(self._seeds)] for point in self.points.differing(words)]

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The step between trials that differ in one factor or the seed, and how many it takes."""
        seeds = len(self._seeds)
        found = [(step * seeds, values) for step, values in self.points.steps]
        return [*found, (1, seeds)] if found else []

    def checked(self) -> Iterable[int]:
        """Return the trials that are checked before the first is trained: all of up to `ALL`."""
        if len(self) <= ALL:
            return range(len(self))
        return [point * len(self._seeds) for point in self.points.spread(SOME)]

    def check(self) -> None:
        """Refuse trials that are not a valid experiment, or the same as another one.

        Raises:
            ParameterError: it names the candidate.
        """
        first: dict[str, Trial] = {}
        for index in self.checked():
            if index % len(self._seeds):
                # What a candidate is with one seed, it is with every seed.
                continue
            trial = self[index]
            other = first.setdefault(trial.key, trial)
            if other is not trial:
                raise CombinationError(
                    f"candidates {other.candidate} ({named(other.values)}) and {trial.candidate} "
                    f"({named(trial.values)}) are the same experiment; leave one out"
                )


def named(values: Values) -> str:
    """Return the values of a candidate as text, such as "hidden=[8], learning_rate=0.1"."""
    return ", ".join(f"{word}={printable(value)}" for word, value in values.items())


def changed(experiment: Experiment) -> Values:
    """Return the options that differ from their defaults, as JSON values.

    Without the others, so that an option which a later version adds changes no key.
    """
    return {
        word: list(value) if isinstance(value, tuple) else value
        for word, value in experiment.to_options().items()
        if value != _DEFAULTS[word]
    }


def _hash(values: Values) -> str:
    return hashlib.sha256(canonical(values).encode()).hexdigest()[:_DIGITS]
