"""What every function of the user's own is held to when it is registered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import ParameterError

Array = NDArray[Any]
# Of 1 plus the sizes of what is compared. Truncation and rounding of smooth functions are near
# 1e-10; what is wrong in a formula is seen far above.
ALLOWED = 1e-6
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RESERVED = ("auto", "none")


def check_name(
    what: str, name: object, builtin: Iterable[str], own: Iterable[str], *, replace: bool
) -> None:
    """Refuse a name that does not do, or is taken.

    Args:
        what: the name with its kind, for messages.
        name: as given.
        builtin: names that never may be replaced.
        own: names that may, with `replace`.
        replace: whether they may now.

    Raises:
        ParameterError: it says what to choose.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _RESERVED:
        raise ParameterError(
            f"{what} has no fit name; use up to 64 lower-case letters, digits and '_', a letter "
            f"first, and not {' or '.join(_RESERVED)}"
        )
    if name in builtin:
        raise ParameterError(f"{what} is there already; choose another name")
    if name in own and not replace:
        raise ParameterError(f"{what} is registered already; choose another name, or replace=True")


def numbers(what: str, function: Callable[..., Any], shape: tuple[int, ...], *given: Array) -> Any:
    """Call a function of the user's; return finite float64 numbers of this shape.

    Args:
        what: the function, for messages.
        function: must leave `given` as it is.
        shape: that is expected.
        given: its arguments.

    Raises:
        ParameterError: it does not return such numbers.
    """
    before = [array.copy() for array in given]
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(function(*given), dtype=np.float64)
    except Exception as error:
        raise ParameterError(
            f"{what} raised {printable(f'{type(error).__name__}: {error}')}"
        ) from error
    if not all(map(np.array_equal, given, before)):
        raise ParameterError(f"{what} writes to its arguments; it must leave them as they are")
    if found.shape != shape:
        raise ParameterError(f"{what} returns shape {found.shape} where {shape} is expected")
    if not np.isfinite(found).all():
        raise ParameterError(f"{what} is not finite at arguments of usual size")
    return found
