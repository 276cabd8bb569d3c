"""Names of activations, losses and optimizers, to which users and installed packages add."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points

from samplewise.checks import one_of, printable
from samplewise.errors import ParameterError, raised_by_signal_handler

ENTRY_POINT_GROUP = "samplewise.functions"
"""Entry points of installed packages: functions without arguments that register theirs."""

_called: dict[EntryPoint, str] = {}
"""The entry points that this process has called, each with the reason why it failed, or ""."""


def registered(kind: str, given: object, known: Collection[str]) -> str:
    """Return `given` where it is one of `known`, to which users add by `samplewise.register_...`.

    An unknown name is looked for once more after installed packages have registered theirs.

    Args:
        kind: "activation", "loss" or "optimizer".
        given: a name, maybe of a file or of another process.
        known: the built-in names and those registered in this process, a view of them: it grows
            where packages register theirs.

    Raises:
        ParameterError: as `one_of`; the message also says how to register a custom one.
    """
    if isinstance(given, str) and given not in known:
        _call_packages()
    try:
        return one_of(kind, given, known)
    except ParameterError as error:
        said = f"{error} Or" if str(error).endswith("?") else f"{error};"
        failed = "".join(f"; {reason}" for reason in _called.values() if reason)
        raise ParameterError(
            f"{said} register a custom one with samplewise.register_{kind} first, in each process "
            f"that uses it{failed}"
        ) from None


def _call_packages() -> None:
    """Let each installed package register its functions, once in a process."""
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        if entry_point in _called:
            continue
        # First, as what it calls may look for a name too.
        _called[entry_point] = ""
        try:
            entry_point.load()()
        except Exception as error:
            if raised_by_signal_handler(error):
                raise
            package = entry_point.dist.name if entry_point.dist else "an unknown package"
            _called[entry_point] = printable(
                f"{package}: {entry_point.value} registered nothing: "
                f"{type(error).__name__}: {error}"
            )
