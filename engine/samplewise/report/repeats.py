"""How often a report runs each row."""

from __future__ import annotations

from samplewise.checks import whole_number

MOST_REPEATS = 1000


def check_repeats(repeats: object) -> None:
    """Refuse a number of repeats that is not whole, or not 1 to 1000.

    Raises:
        ParameterError: it is not.
    """
    whole_number("repeats", repeats, maximum=MOST_REPEATS)
