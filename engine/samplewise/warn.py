"""Warnings, at the line of the caller's code that led to them."""

from __future__ import annotations

import sys
import warnings

from samplewise.errors import SamplewiseWarning

# scikit-learn's wrapper stands between an estimator's `fit` and its caller, and Python's between a
# context manager and its own.
_WRAPPERS = ("sklearn.base", "contextlib")


def warn(text: str, kind: type[SamplewiseWarning] = SamplewiseWarning) -> None:
    """Warn at the line outside of this package that led here."""
    warnings.warn(text, kind, stacklevel=_levels_of_this_package())


def _levels_of_this_package() -> int:
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__")):
        frame, level = frame.f_back, level + 1
    return level


def _is_ours(module: object) -> bool:
    if not isinstance(module, str):
        return False
    return module in _WRAPPERS or module.partition(".")[0] == "samplewise"
