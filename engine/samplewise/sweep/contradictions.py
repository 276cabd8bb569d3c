"""Refusals of parts of a sweep's definition that contradict each other."""

from __future__ import annotations

from typing import Any

from samplewise.errors import CombinationError, ParameterError
from samplewise.experiment.data_settings import DataSettings
from samplewise.experiment.experiment import Experiment
from samplewise.network.losses import ValueLoss
from samplewise.options.words import words_of
from samplewise.sweep.space import Range, Space
from samplewise.training.settings.auto_loss import LOSS_KINDS

_OF_EPOCHS = ("validation_loss", "training_loss")
UNITS = {"standardize_targets": _OF_EPOCHS} | dict.fromkeys(
    ("loss", "delta", "label_smoothing"), (*_OF_EPOCHS, "test_loss")
)
"""The losses that have other units where a setting varies, by the word of the setting."""


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


def check_compared(space: Space, base: Experiment, name: str) -> None:
    """Refuse factors that change the units of the losses by which rungs or a sampler compare.

    Raises:
        CombinationError: there is one.
    """
    learns_classes = not any(
        issubclass(LOSS_KINDS[loss], ValueLoss) for loss in _values(space, base, "loss")
    )
    sources = "validation_fraction", "validation_data"
    validates = any(None not in _values(space, base, word) for word in sources)
    if learns_classes and validates:
        return
    remedy = ", or compare accuracies: give validation_fraction" if learns_classes else ""
    for word in space.factors:
        if word in UNITS:
            raise CombinationError(
                f"{name}: {word} is a factor of the space, but {name} would compare losses, whose "
                f"units differ then; keep one of them{remedy}"
            )


def _values(space: Space, base: Experiment, word: str) -> tuple[Any, ...]:
    """Return the values of a setting in the candidates; none but a range is one itself."""
    factor = space.factors.get(word, (base.to_options()[word],))
    return (factor,) if isinstance(factor, Range) else factor


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
