"""The environment variables of samplewise, and warnings of those that are misspelt."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable

from samplewise.checks import meant, must_be, printable, suggestion
from samplewise.warn import warn

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
# Where no options are read, a variable that is less like a known one may be one of them.
_LIKENESS, _LIKENESS_TO_OPTIONS = 0.8, 0.5
_warned: set[str] = set()


def warn_of_variables(
    options: Collection[str] = (), backends: Callable[[], Iterable[str]] = tuple
) -> None:
    """Warn once of each variable that sets nothing, and of a word that one does not take.

    A variable that begins with the name of a backend may be read by that.

    Args:
        options: words that have a variable each, where they are read. Elsewhere, only a variable
            with nearly a known name is a warning.
        backends: returns their names, which takes time.
    """
    for variable, value in os.environ.items():
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and variable not in _warned:
            fault = _fault(name, value, options, backends)
            if fault:
                _warned.add(variable)
                warn(fault)


def _fault(
    name: str, value: str, options: Collection[str], backends: Callable[[], Iterable[str]]
) -> str | None:
    if name in VARIABLES:
        words = VARIABLES[name]
        if not (words and value) or value in words:
            return None
        wrong = must_be(PREFIX + name, f"one of {', '.join(words)}", value)
        return wrong + suggestion(value, words)
    if name.lower() in options:
        return None
    likeness = _LIKENESS_TO_OPTIONS if options else _LIKENESS
    likely = meant(name, [*map(str.lower, VARIABLES), *options], likeness)
    if likely is None and not options:
        return None
    if any(name.lower().startswith(f"{backend.lower()}_") for backend in backends()):
        return None
    hint = "variables are named as the options, such as SAMPLEWISE_EPOCHS"
    if likely is not None:
        hint = f"did you mean {PREFIX}{likely.upper()}?"
    return f"the environment variable {printable(PREFIX + name)} sets nothing; {hint}"
