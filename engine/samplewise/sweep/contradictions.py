"""Refusals of parts of a sweep's definition that contradict each other."""

from __future__ import annotations

from typing import Any

from samplewise.errors import CombinationError, ParameterError
from samplewise.experiment.data_settings import DataSettings
from samplewise.options.words import words_of
from samplewise.sweep.space import Space


def check_together(space: Space, fixed: set[str], *, own_splits: bool) -> None:
    """Refuse settings that contradict each other.

    Raises:
        CombinationError: they do.
    """
    factors = set(space.factors)
    both = sorted(factors & fixed)
    if both:
        raise CombinationError(f"space.{both[0]}: is also one of the settings; keep one of them")
    for word in ("split_seed", "test_data") if own_splits else ():
        if word in factors | fixed:
            raise CombinationError(f"own_splits: {word} is given too; keep one of them")
    ignored = sorted({"hidden", "activation"} & factors)
    if ignored and "layers" in factors | fixed:
        raise CombinationError(
            f"space.{ignored[0]}: layers describes all layers, so that {ignored[0]} would change "
            "nothing; keep one of them"
        )


def check_seeds(space: Space, seeds: Any, *, own_seeds: bool) -> None:
    """Refuse seeds that come from two places.

    Raises:
        CombinationError: they do.
    """
    if "seed" in space.factors and (seeds is not None or own_seeds):
        name = "own_seeds" if seeds is None else "seeds"
        raise CombinationError(f"space.seed: {name} is given too; keep one of them")
    if own_seeds and isinstance(seeds, list | tuple):
        raise CombinationError(
            "own_seeds: counts the seeds on from candidate to candidate, but seeds lists them; "
            "give their number"
        )


def check_sampled(space: Space, samples: int | None, *, has_rungs: bool, own_seeds: bool) -> None:
    """Refuse a sampler that could not compare its candidates.

    Raises:
        ParameterError: samples is not given.
        CombinationError: there are rungs or own seeds, or candidates would have different rows.
    """
    if samples is None:
        raise ParameterError(
            "samples: must be given with a sampler, got none; write, say, samples = 40"
        )
    if has_rungs:
        raise CombinationError("sampler: rungs are given too; keep one of them")
    if own_seeds:
        raise CombinationError("sampler: own_seeds is given too; keep one of them")
    other_rows = sorted(set(space.factors) & (set(words_of(DataSettings)) - {"preprocess"}))
    if other_rows:
        raise CombinationError(
            f"space.{other_rows[0]}: changes the rows, so that a sampler could not compare the "
            f"candidates; leave out {other_rows[0]}, or the sampler"
        )
