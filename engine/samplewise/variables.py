"""The environment variables of samplewise, and warnings of those that are misspelt."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection

from samplewise.checks import meant, must_be, printable, suggestion
from samplewise.errors import SamplewiseWarning

PREFIX = "SAMPLEWISE_"
VARIABLES: dict[str, tuple[str, ...]] = {
    "BACKEND": (),
    "BENCH_ROUNDS": (),
    "CACHE_DIR": (),
    "FANN": (),
    "JAX_DEVICE": (),
    "KERNELS": ("auto", "jit"),
    "SIGN_DIGITS_URL": (),
}
"""Those beside the options of `samplewise train`, with the words that each takes, if only some.

An empty one counts as not set.
"""
# A variable that is less like a known one may be of another package.
_LIKENESS = 0.8
_warned: set[str] = set()


def warn_of_variables(options: Collection[str] = ()) -> None:
    """Warn once of each variable with nearly a known name, and of a word that one does not take.

    Args:
        options: words that have a variable each, where they are read.
    """
    for variable, value in os.environ.items():
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and variable not in _warned:
            fault = _fault(name, value, options)
            if fault:
                _warned.add(variable)
                warnings.warn(fault, SamplewiseWarning, stacklevel=3)


def _fault(name: str, value: str, options: Collection[str]) -> str | None:
    if name in VARIABLES:
        words = VARIABLES[name]
        if not (words and value) or value in words:
            return None
        wrong = must_be(PREFIX + name, f"one of {', '.join(words)}", value)
        return wrong + suggestion(value, words)
    if name.lower() in options:
        return None
    likely = meant(name, [*map(str.lower, VARIABLES), *options], _LIKENESS)
    if likely is None:
        return None
    return (
        f"the environment variable {printable(PREFIX + name)} sets nothing; did you mean "
        f"{PREFIX}{likely.upper()}?"
    )
