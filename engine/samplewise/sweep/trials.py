"""A trial: one experiment of a sweep."""

from __future__ import annotations

from dataclasses import dataclass

from samplewise.checks import printable
from samplewise.experiment.experiment import Experiment
from samplewise.sweep.space import Values
from samplewise.training.snapshot import Snapshot

_DEFAULTS = Experiment().to_options()


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


def named(values: Values) -> str:
    """Return the values of a candidate as text, such as "hidden=[8], learning_rate=0.1"."""
    return ", ".join(f"{word}={printable(value)}" for word, value in values.items())


def as_options(values: Values) -> Values:
    """Return the values of a candidate as words that settings take."""
    return {word: tuple(one) if isinstance(one, list) else one for word, one in values.items()}


def changed(experiment: Experiment) -> Values:
    """Return the options that differ from their defaults, as JSON values.

    Without the others, so that an option which a later version adds changes no key.
    """
    return {
        word: list(value) if isinstance(value, tuple) else value
        for word, value in experiment.to_options().items()
        if value != _DEFAULTS[word]
    }
