"""The rungs of successive halving: when candidates are compared, and how many go on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from samplewise.checks import must_be, whole_number
from samplewise.errors import CombinationError, ParameterError
from samplewise.experiment.experiment import Experiment

NAMES = ("first", "factor")
_VERBS = "train", "go on to", "to"


@dataclass(frozen=True)
class Rungs:
    """The rungs of a sweep.

    Args:
        first: epochs to the first rung, at least 1.
        factor: by which a rung has more epochs than the one before, and the inverse of the share of
            candidates that go on; at least 2.
        epochs: of a whole training, more than `first`.
    """

    first: int
    factor: int
    epochs: int

    @classmethod
    def of(cls, given: Mapping[str, Any], base: Experiment, factors: Collection[str]) -> Rungs:
        """Return the rungs that a table describes.

        Raises:
            ParameterError: a number is missing, unknown or out of its range.
            CombinationError: epochs is one of the factors, or not more than `first`.
        """
        if not isinstance(given, Mapping) or set(given) != set(NAMES):
            remedy = "write, say, rungs = {first = 5, factor = 3}"
            raise ParameterError(must_be("rungs", "a table of first and factor", given, remedy))
        if "epochs" in factors:
            raise CombinationError(
                "rungs: epochs is a factor of the space, but rungs compare candidates after the "
                "same epochs; keep one of them"
            )
        first = whole_number("rungs.first", given["first"])
        factor = whole_number("rungs.factor", given["factor"], minimum=2)
        if first >= base.training.epochs:
            raise CombinationError(
                f"rungs.first: must be less than epochs, {base.training.epochs}, got {first}; "
                "train longer, or compare earlier"
            )
        return cls(first, factor, base.training.epochs)

    @property
    def definition(self) -> dict[str, int]:
        """The rungs as JSON values."""
        return {"first": self.first, "factor": self.factor}

    @property
    def ends(self) -> tuple[int, ...]:
        """The epochs after which each rung ends; the last one is the end of training."""
        found, end = [], self.first
        while end < self.epochs:
            found.append(end)
            end *= self.factor
        return (*found, self.epochs)

    def going_on(self, candidates: int) -> int:
        """Return how many of the candidates of a rung go on to the next."""
        return max(1, candidates // self.factor)

    def described(self, candidates: int) -> str:
        """Return the rungs of so many candidates, such as "9 train 5, 3 go on to 15, 1 to 20"."""
        parts: list[str] = []
        for end in self.ends:
            parts.append(f"{candidates:,} {_VERBS[min(len(parts), 2)]} {end:,}")
            candidates = self.going_on(candidates)
        return ", ".join(parts)
