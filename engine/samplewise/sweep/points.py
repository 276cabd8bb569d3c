"""The candidates of a space, computed by their number: of a grid, drawn, or proposed."""

from __future__ import annotations

import hashlib
import itertools
import math
from abc import abstractmethod
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from samplewise.errors import ParameterError
from samplewise.sweep.computed import Computed
from samplewise.sweep.journal import canonical

Values = dict[str, Any]

# Draws of a candidate that came before, for each new one, until the space counts as exhausted.
_PATIENCE = 100
_DIGEST_BYTES = 16


class Points(Computed[Values]):
    """Candidates of a space: the values of all factors, by their number counted from 0."""

    @abstractmethod
    def number(self, values: Values) -> int:
        """Return the number of a candidate.

        Raises:
            ValueError: it is not one of these.
        """

    def spread(self, count: int) -> Iterable[int]:
        """Return about so many numbers of candidates that differ as much as any."""
        return range(min(count, len(self)))

    def differing(self, words: Collection[str]) -> list[int]:
        """Return the number of the first candidate of each combination of values of some factors.

        Args:
            words: of the factors; those that are not a factor are ignored.
        """
        if not len(self) or set(words).isdisjoint(self[0]):
            return [0][: len(self)]
        found: dict[str, int] = {}
        for number, values in enumerate(self):
            own = {word: value for word, value in values.items() if word in words}
            found.setdefault(canonical(own), number)
        return list(found.values())

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The step between candidates that differ in one factor only, and that factor's values.

        Empty where candidates have no such order.
        """
        return []


class Grid(Points):
    """All combinations of the values of some factors; the last factor varies fastest."""

    def __init__(self, factors: Mapping[str, Sequence[Any]]) -> None:
        super().__init__(math.prod(map(len, factors.values())))
        self._factors = factors
        self._positions = {
            word: {canonical(value): i for i, value in enumerate(values)}
            for word, values in factors.items()
        }
        self._strides: dict[str, int] = {}
        stride = 1
        for word, values in reversed(list(factors.items())):
            self._strides[word] = stride
            stride *= len(values)

    def _item(self, index: int) -> Values:
        return {
            word: values[index // self._strides[word] % len(values)]
            for word, values in self._factors.items()
        }

    def number(self, values: Values) -> int:
        """Return the number of a candidate, or raise ValueError."""
        try:
            return sum(
                self._strides[word] * positions[canonical(values[word])]
                for word, positions in self._positions.items()
            )
        except KeyError as error:
            raise ValueError(f"{values} is not a candidate") from error

    def spread(self, count: int) -> Iterable[int]:
        """Return random candidates, and as many that differ from the first in one factor."""
        singles = [
            self._strides[word] * i
            for word, values in self._factors.items()
            for i in range(len(values))
        ]
        some = np.random.default_rng(0).integers(len(self), size=count).tolist()
        return sorted({*singles[:: 1 + len(singles) // count], *some})

    def differing(self, words: Collection[str]) -> list[int]:
        """Return the number of the first candidate of each combination; none is made."""
        steps = [
            [self._strides[word] * i for i in range(len(values))]
            for word, values in self._factors.items()
            if word in words
        ]
        return [sum(each) for each in itertools.product(*steps)]

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The step between candidates that differ in one factor only, and that factor's values."""
        return [(self._strides[word], len(values)) for word, values in self._factors.items()]


class Draws(Points):
    """Different candidates, drawn one after the other; each is a function of its draw's number."""

    def __init__(self, samples: int, draw: Callable[[int], Values]) -> None:
        super().__init__(samples)
        self._draw, self._next = draw, 0
        self._numbers = array("q")
        self._positions: dict[bytes, int] = {}

    def _item(self, index: int) -> Values:
        while len(self._numbers) <= index:
            self._draw_one()
        return self._draw(self._numbers[index])

    def _draw_one(self) -> None:
        """Draw once, and keep the number of the draw where its candidate is new."""
        if self._next >= _PATIENCE * len(self):
            raise exhausted(len(self), len(self._numbers))
        digest = _digest(self._draw(self._next))
        if digest not in self._positions:
            self._positions[digest] = len(self._numbers)
            self._numbers.append(self._next)
        self._next += 1

    def number(self, values: Values) -> int:
        """Return the number of a candidate, or raise ValueError; all before it are drawn."""
        digest = _digest(values)
        while digest not in self._positions and len(self._numbers) < len(self):
            self._draw_one()
        if digest not in self._positions:
            raise ValueError(f"{values} is not a candidate")
        return self._positions[digest]


class Listed(Points):
    """Candidates that are known, in their order; of equal ones the first."""

    def __init__(self, candidates: Iterable[Values]) -> None:
        found = {canonical(values): values for values in candidates}
        super().__init__(len(found))
        self._values = list(found.values())
        self._positions = {text: i for i, text in enumerate(found)}

    def _item(self, index: int) -> Values:
        return self._values[index]

    def number(self, values: Values) -> int:
        """Return the number of a candidate, or raise ValueError."""
        number = self._positions.get(canonical(values))
        if number is None:
            raise ValueError(f"{values} is not a candidate")
        return number


def exhausted(samples: int, found: int) -> ParameterError:
    """Return the error of a space that has too few candidates."""
    return ParameterError(
        f"samples: is {samples:,}, but only {found:,} different candidates were found; ask "
        "for fewer, or widen the space"
    )


def _digest(values: Values) -> bytes:
    """Return a hash of values, since a million texts would take more memory than all else."""
    return hashlib.blake2b(canonical(values).encode(), digest_size=_DIGEST_BYTES).digest()
