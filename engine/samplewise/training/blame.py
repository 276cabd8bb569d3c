"""Errors that backends raise, as errors that name them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal

from numpy.typing import NDArray

from samplewise.checks import printable, same_numbers
from samplewise.errors import ContractError, SamplewiseError, raised_by_signal_handler


class blamed_on:  # noqa: N801 - a context manager, written as a function is
    """Turn an error of a backend into one that names it; memory runs out and signals come anywhere.

    A class: the generator of a context manager costs more than all else that surrounds a chunk.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> Literal[False]:
        """Raise the error that names the backend.

        Raises:
            ContractError: an error came out of the block that is not one of samplewise's own, nor
                raised by the handler of a signal.
        """
        if (
            isinstance(error, Exception)
            and not isinstance(error, SamplewiseError | MemoryError)
            and not raised_by_signal_handler(error)
        ):
            raised = printable(f"{type(error).__name__}: {error}")
            raise ContractError(f"backend '{self._backend}' raised {raised}") from error
        return False


def check_in_place(backend: str, parameters: NDArray[Any], before: NDArray[Any]) -> None:
    """Refuse a program that has replaced parameters by others of another shape or dtype.

    Raises:
        ContractError: with both.
    """
    if (parameters.shape, parameters.dtype) != (before.shape, before.dtype):
        raise ContractError(
            f"backend '{backend}' left parameters of shape {parameters.shape} and "
            f"dtype {parameters.dtype}; expected {before.shape} and {before.dtype}: a "
            "program updates the arrays of the state in place"
        )


def check_unchanged(backend: str, parameters: NDArray[Any], last: NDArray[Any]) -> None:
    """Refuse parameters that differ from those after the last step.

    Raises:
        ContractError: they do.
    """
    if not same_numbers(parameters, last):
        raise ContractError(
            f"backend '{backend}' changed weights after the network's last step; "
            "only run_epoch may, of many networks the active ones"
        )
