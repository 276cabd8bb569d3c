"""Compile and measure ahead, for every backend, so that later processes need not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samplewise import registry
from samplewise.checks import must_be, one_of, true_or_false
from samplewise.errors import ParameterError
from samplewise.training.blame import blamed_on
from samplewise.training.settings.training_settings import DTYPES


def warm_up(dtypes: Sequence[str] = DTYPES, *, measure: bool = True) -> list[str]:
    """Compile all kernels and measure this machine, and keep both for later processes.

    For the image of a container, say: every start of it then loads what is kept.

    Args:
        dtypes: of the trainings to come, "float32" and "float64".
        measure: also measure what the choice of a plan follows from, about a second for each dtype.

    Returns:
        A line about each thing that was done.

    Raises:
        ParameterError: an argument is none of these.
        ContractError: a backend raised.
    """
    return list(warming_up(dtypes, measure=measure))


def warming_up(dtypes: Sequence[str], *, measure: bool) -> Iterator[str]:
    """Do as `warm_up`; yield each line when it is done."""
    if not isinstance(dtypes, list | tuple):
        raise ParameterError(must_be("dtypes", f"a list of {' and '.join(DTYPES)}", dtypes))
    wanted = [one_of("dtype", dtype, DTYPES) for dtype in dtypes]
    true_or_false("measure", measure)
    for listing in registry.listings():
        if not listing.available:
            yield f"{listing.name} is unavailable: {listing.reason}"
            continue
        prepare = getattr(registry.load(listing.name), "prepare", None)
        if prepare is None:
            continue
        with blamed_on(listing.name):
            for line in prepare(wanted, measure=measure):
                yield f"{listing.name}: {line}"
