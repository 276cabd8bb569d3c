"""Errors that backends raise, as errors that name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from samplewise.checks import printable
from samplewise.errors import ContractError, SamplewiseError


@contextmanager
def blamed_on(backend: str) -> Iterator[None]:
    """Turn an error of a backend into one that names it; memory may run out anywhere."""
    try:
        yield
    except (SamplewiseError, MemoryError):
        raise
    except Exception as error:
        raised = printable(f"{type(error).__name__}: {error}")
        raise ContractError(f"backend '{backend}' raised {raised}") from error
