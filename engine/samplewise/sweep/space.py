"""The space of a sweep: settings that vary, each by a list of values or a range to draw from."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from samplewise.checks import must_be, printable, shown, suggestion_or_list
from samplewise.errors import ErrorList, ParameterError
from samplewise.experiment.config_file import SEE_HELP, WORDS
from samplewise.options.kinds import WHOLES
from samplewise.sweep.journal import canonical
from samplewise.sweep.points import Draws, Grid, Values, exhausted

UNIFORM, LOG, WHOLE, LOG_WHOLE = RANGES = ("uniform", "log", "whole", "log_whole")
_WANTED = (
    "a list of values, or a range such as 'log 1e-4 1e-1' or {log = [1e-4, 1e-1]}; ranges are "
    f"{', '.join(RANGES)}"
)


@dataclass(frozen=True)
class Range:
    """Numbers to draw from.

    Args:
        kind: one of `RANGES`; "log" draws the logarithm uniformly, "whole" whole numbers.
        low, high: the ends, both included where numbers are whole.
    """

    kind: str
    low: float
    high: float

    @property
    def count(self) -> float:
        """Different numbers of the range; infinite where they need not be whole."""
        return self.high - self.low + 1 if WHOLE in self.kind else math.inf

    def draw(self, rng: Generator) -> Any:
        """Return a number of the range."""
        if self.kind == UNIFORM:
            return float(rng.uniform(self.low, self.high))
        if self.kind == LOG:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            return min(max(drawn, self.low), self.high)
        low, high = int(self.low), int(self.high)
        if self.kind == WHOLE:
            return int(rng.integers(low, high, endpoint=True))
        drawn = math.floor(math.exp(rng.uniform(math.log(low), math.log(high + 1))))
        return min(max(drawn, low), high)


@dataclass(frozen=True)
class Space:
    """The factors of a sweep, by the word of their setting: each a tuple of values or a range."""

    factors: Mapping[str, tuple[Any, ...] | Range]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Space:
        """Return the space that a table describes, its values checked one by one.

        Args:
            given: by word, a list of values, a text such as "log 1e-4 1e-1", or a table of one
                range. A value is as in a configuration file; a whole number in `hidden` stands for
                one layer.

        Raises:
            ParameterError: no factor, an unknown one, or a value that its setting cannot take.
        """
        if not isinstance(given, Mapping) or not given:
            raise ParameterError(
                f"space: must name at least one setting, got {shown(given)}; write, say, "
                "learning_rate = [0.01, 0.1]"
            )
        factors: dict[str, tuple[Any, ...] | Range] = {}
        errors = ErrorList(ParameterError)
        for written, values in given.items():
            word = str(written).replace("-", "_")
            with errors:
                if word not in WORDS:
                    raise ParameterError(
                        f"space: '{printable(written)}' is not a setting"
                        f"{suggestion_or_list(word, WORDS, 'Settings', SEE_HELP)}"
                    )
                if word in factors:
                    raise ParameterError(
                        f"space: has {word} twice, with '-' and with '_'; keep one of them"
                    )
                factors[word] = _factor(word, _plain(values))
        errors.check()
        return cls(factors)

    @property
    def is_drawn(self) -> bool:
        """True where a factor is a range: candidates are then drawn instead of listed."""
        return any(isinstance(factor, Range) for factor in self.factors.values())

    @property
    def grid_size(self) -> int:
        """Candidates of the grid; ranges count as one value."""
        lengths = [1 if isinstance(one, Range) else len(one) for one in self.factors.values()]
        return math.prod(lengths)

    @property
    def definition(self) -> dict[str, Any]:
        """The space as JSON values."""
        return {
            word: {one.kind: [one.low, one.high]} if isinstance(one, Range) else list(one)
            for word, one in self.factors.items()
        }

    def grid(self) -> Grid:
        """Return every candidate of a space without ranges; the last factor varies fastest."""
        return Grid({w: one for w, one in self.factors.items() if not isinstance(one, Range)})

    def drawn(self, samples: int, seed: int) -> Draws:
        """Return different candidates, each a function of the seed and its number.

        Raises:
            ParameterError: there are fewer.
        """
        counts = [
            one.count if isinstance(one, Range) else len(one) for one in self.factors.values()
        ]
        if math.prod(counts) < samples:
            raise exhausted(samples, int(math.prod(counts)))
        return Draws(samples, partial(_draw, self.factors, seed))


def _draw(factors: Mapping[str, tuple[Any, ...] | Range], seed: int, number: int) -> Values:
    """Return the values of a draw, a function of the seed and its number."""
    rng = Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,))))
    # In the order of the names, so that the order in a file changes no draw.
    found = {word: _drawn(word, factors[word], rng) for word in sorted(factors)}
    return {word: found[word] for word in factors}


def _drawn(word: str, factor: tuple[Any, ...] | Range, rng: Generator) -> Any:
    if isinstance(factor, Range):
        return as_value(word, factor.draw(rng))
    return factor[int(rng.integers(len(factor)))]


def _plain(value: Any) -> Any:
    """Return NumPy's values as Python's, paths as texts and tuples as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _factor(word: str, given: Any) -> tuple[Any, ...] | Range:
    if not isinstance(given, list):
        found = _range(word, given)
        _check_ends(word, found)
        return found
    if not given:
        raise ParameterError(f"space.{word}: is an empty list; expected {_WANTED}")
    values, errors = [], ErrorList(ParameterError)
    for i, one in enumerate(given):
        with errors:
            values.append(_value(f"space.{word}[{i}]", word, one))
    errors.check()
    first: dict[str, int] = {}
    for i, value in enumerate(values):
        if first.setdefault(canonical(value), i) != i:
            raise ParameterError(
                f"space.{word}[{i}]: is {printable(value)}, as [{first[canonical(value)]}] is; "
                "keep one of them"
            )
    return tuple(values)


def _check_ends(word: str, given: Range) -> None:
    """Check both ends of a range as values; a setting of whole numbers needs a range of them."""
    place, ends = f"space.{word}", (given.low, given.high)
    try:
        for end in ends:
            _value(place, word, int(end) if WHOLE in given.kind else end)
    except ParameterError as error:
        for end in ends:
            _value(place, word, int(end))
        kind = LOG_WHOLE if LOG in given.kind else WHOLE
        raise ParameterError(f"{error}; write {kind} for a range of whole numbers") from error


def _value(place: str, word: str, given: Any) -> Any:
    """Return a checked value; None leaves a setting that may be left at its default."""
    if given is None:
        return None
    try:
        found = WORDS[word].kind.from_toml(word, as_value(word, given))
        canonical(found)
    except (ParameterError, TypeError, ValueError) as error:
        raise ParameterError(f"{place}: {error}") from error
    return list(found) if isinstance(found, tuple) else found


def as_value(word: str, number: Any) -> Any:
    """Return a number as the value of a setting: one layer where that is a list of widths."""
    one_layer = WORDS[word].kind is WHOLES and isinstance(number, int)
    return [number] if one_layer else number


def _range(word: str, given: Any) -> Range:
    kind, ends = "", []
    if isinstance(given, str) and len(given.split()) == 3:
        kind, *ends = given.split()
    elif isinstance(given, Mapping) and len(given) == 1:
        ((kind, ends),) = given.items()
    try:
        low, high = map(float, ends)
    except (TypeError, ValueError):
        kind = ""
    if kind not in RANGES:
        raise ParameterError(must_be(f"space.{word}", _WANTED, given))
    finite = math.isfinite(low) and math.isfinite(high)
    if not finite or low >= high or (LOG in kind and low <= 0):
        above = " above 0" if LOG in kind else ""
        raise ParameterError(
            f"space.{word}: a range goes from a number{above} to a larger one, got {shown(given)}"
        )
    if WHOLE in kind and not (low.is_integer() and high.is_integer()):
        raise ParameterError(
            f"space.{word}: its ends must be whole, got {shown(given)}; write, say, '{kind} 1 10'"
        )
    return Range(kind, low, high)
