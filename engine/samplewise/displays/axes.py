"""The axes of a display, and the estimator at the end of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samplewise.checks import must_be
from samplewise.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_for(given: Axes | None, where: str) -> Axes:
    """Return the axes to draw on: a new one of pyplot's where none is given.

    Raises:
        ParameterError: `ax` is anything else; `where` is the display's name in the message.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if given is None:
        return plt.subplots(layout="constrained")[1]
    if not isinstance(given, Axes):
        raise ParameterError(must_be(f"{where}: ax", "an axes of matplotlib, or None", given))
    return given


def last_step(estimator: Any) -> Any:
    """Return the estimator itself, or the one at the end of a pipeline."""
    while steps := getattr(estimator, "steps", None):
        estimator = steps[-1][1]
    return estimator
