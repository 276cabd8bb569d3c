"""The one family of exceptions. A message names the value, the expectation and a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

    from numpy.typing import NDArray


class SamplewiseWarning(UserWarning):
    """Base of every warning that samplewise gives on purpose."""


class TrainingWarning(SamplewiseWarning):
    """A note of a training run, as in `History.notes`."""


class SamplewiseError(Exception):
    """Base of every error that samplewise raises on purpose.

    Attributes:
        count: how many errors that were found together it names.
        parts: the first of them; empty for a single one.
    """

    count: int = 1
    parts: tuple[SamplewiseError, ...] = ()


class ParameterError(SamplewiseError, ValueError):
    """A setting is out of its range, of the wrong kind, or at odds with another one."""


class UnknownArgumentError(ParameterError, TypeError):
    """A constructor has no argument of this name; also a TypeError, as Python's own error is."""


class CombinationError(ParameterError):
    """Settings that are right by themselves do not go together."""


class ConfigError(ParameterError):
    """A configuration file cannot be read or holds an unknown key."""


class DataError(SamplewiseError, ValueError):
    """A dataset, file or array cannot be used as it is."""


class ModelFileError(SamplewiseError, ValueError):
    """A model file is damaged, hostile, or not a samplewise model."""


class SnapshotError(SamplewiseError, ValueError):
    """A snapshot is damaged, or belongs to another training."""


class OutputError(SamplewiseError, OSError):
    """A result cannot be written where it was asked for."""


class UnknownBackendError(ParameterError):
    """No installed distribution offers a backend of this name."""


class UnavailableBackendError(SamplewiseError, RuntimeError):
    """The backend is known but cannot run here, or cannot run this network."""


class UnavailableCommandError(SamplewiseError, RuntimeError):
    """A command that another package adds cannot be loaded."""


class WorkerError(SamplewiseError, RuntimeError):
    """The workers of a sweep cannot be reached, or cannot run it."""


class ContractError(SamplewiseError, RuntimeError):
    """A backend broke the contract between engine and backends."""


class DivergenceError(SamplewiseError, ArithmeticError):
    """Training produced a loss or weight that is not a finite number.

    Args:
        message: where it happened and what to try.
        parameters: those of the best epoch where `keep_best` has one, else the last that were
            finite; flat vector (P,).
    """

    def __init__(self, message: str, parameters: NDArray[Any] | None = None) -> None:
        super().__init__(message)
        self.parameters = parameters


class SomeDivergedError(DivergenceError):
    """Some of several networks diverged. What came of the others is not lost.

    Args:
        results: of each network, in their order; None for one that diverged.
        errors: of those that diverged, by their index.
    """

    SHOWN = 3

    def __init__(self, results: list[Any], errors: dict[int, DivergenceError]) -> None:
        said = [f"network {index}: {error}" for index, error in errors.items()]
        more = ["and so on"] if len(said) > self.SHOWN else []
        super().__init__(
            f"{len(errors)} of {len(results)} networks diverged (counted from 0): "
            f"{'; '.join([*said[: self.SHOWN], *more])}",
            next(iter(errors.values())).parameters,
        )
        self.results, self.errors = results, errors

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by its attributes."""
        return type(self), (self.results, self.errors)


class ErrorList:
    """Errors that are found together, to be raised as one.

    As a context, it takes an error of its kind, and the program goes on behind the block.

    Args:
        kind: the class of the errors, and of the one raised where theirs differ.
    """

    SHOWN = 3
    KEPT = 100

    def __init__(self, kind: type[SamplewiseError]) -> None:
        self._kind = kind
        self._parts: list[SamplewiseError] = []
        self._count = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def __enter__(self) -> None:
        """Begin a block whose error is taken."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Take an error of the kind."""
        if not isinstance(error, self._kind):
            return False
        self.add(error)
        return True

    def add(self, error: SamplewiseError) -> None:
        """Take an error, or the several that it is made of."""
        self._count += error.count
        for part in (error.parts or (error,))[: self.KEPT - len(self._parts)]:
            if self._parts:
                # Only the first one may be raised. The frames of others hold whole files.
                part.__cause__ = part.__context__ = None
                part = part.with_traceback(None)
            self._parts.append(part)

    def check(self) -> None:
        """Raise the one error as it is, or one that names the first of several and their number.

        Raises:
            SamplewiseError: there is an error; of the class that all have, or else of `kind`.
        """
        if not self:
            return
        first = self._parts[0]
        if self._count == 1:
            raise first
        said = [f"({number}) {error}" for number, error in enumerate(self._parts[: self.SHOWN], 1)]
        said += [f"and {self._count - self.SHOWN:,} more"] if self._count > self.SHOWN else []
        same = all(type(error) is type(first) for error in self._parts)
        several = (type(first) if same else self._kind)(
            f"{self._count:,} errors: {'; '.join(said)}"
        )
        several.count, several.parts = self._count, tuple(self._parts)
        raise several from first


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return True if the handler of a signal has raised an error, as that of an alarm does.

    It may come out of any call, whose fault it is not.
    """
    interrupted: FrameType | None = None
    trace = error.__traceback__
    while trace is not None:
        # Python alone calls a function with the frame of its caller.
        if interrupted is not None and _has(trace.tb_frame, interrupted):
            return True
        interrupted, trace = trace.tb_frame, trace.tb_next
    return False


def _has(frame: FrameType, other: FrameType) -> bool:
    """Return True if a frame is in a variable of another one, or among its `*args`."""
    values = frame.f_locals.values()
    return any(
        value is other or (type(value) is tuple and any(one is other for one in value))
        for value in values
    )
