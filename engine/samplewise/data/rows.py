"""Rows from a caller, checked and brought into the form that a network takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from samplewise.data.arrays import as_array, as_numbers, check_finite, sum_is_finite
from samplewise.data.preprocessing import NONE, Preprocessing
from samplewise.errors import DataError
from samplewise.network import Network, aligned_empty
from samplewise.network.layout import ALIGNMENT_BYTES

# Bytes that are copied and then looked at, before they leave the caches. A copy this long passes by
# the nearest ones: 5 MB took 420 us, and 530 in pieces that fit into those.
_AT_ONCE = 2**22


def prepare_rows(X: ArrayLike, network: Network, dtype: DTypeLike) -> NDArray[Any]:
    """Return X as a new aligned, C-contiguous array (n, inputs) of `dtype`.

    Args:
        X: numbers of shape (n, inputs), or (n, *input_shape), of which a single channel may be left
            out; a network of flat rows takes inputs of any shape. True and false are 1 and 0.
        network: whose input is fed.
        dtype: float64 or float32.

    Raises:
        DataError: not numeric, of another shape, without rows, or not finite (in `dtype`).
    """
    return measured_rows(X, network, dtype)[0]


def measured_rows(
    X: ArrayLike, network: Network, dtype: DTypeLike, name: str = "X", *, mapped: bool = False
) -> tuple[NDArray[Any], float]:
    """Return rows as `prepare_rows`, and their largest absolute value.

    Args:
        X: as `prepare_rows`.
        network: likewise.
        dtype: likewise.
        name: of the argument, for messages.
        mapped: return rows of a file that is mapped for reading only, in this form, as a view of
            it: it may be larger than the memory.

    Raises:
        DataError: as `prepare_rows`.
    """
    given = _in_rows(name, X, network)
    stays = mapped and is_mapped(given) and _is_prepared(given, dtype)
    rows = given.view() if stays else aligned_empty(given.shape, dtype)
    count, largest = max(_AT_ONCE // rows[0].nbytes, 1), []
    # A value too large is refused below, and one too small rounds to 0, whatever the caller set.
    with np.errstate(over="ignore", under="ignore"):
        for first in range(0, len(rows), count):
            some = rows[first : first + count]
            if not stays:
                some[...] = given[first : first + count]
            largest.append(largest_value(some))
    if not all(map(math.isfinite, largest)):
        check_finite(given, name)
        check_finite(rows, f"{name} as {rows.dtype.name}")
    return rows, max(largest)


def is_mapped(X: NDArray[Any]) -> bool:
    """Return True for an array, or a view of one, that numpy maps from a file by mode "r"."""
    part: object = X
    while isinstance(part, np.ndarray):
        if isinstance(part, np.memmap):
            return part.mode == "r"
        part = part.base
    return False


def _is_prepared(X: NDArray[Any], dtype: DTypeLike) -> bool:
    is_aligned = X.ctypes.data % ALIGNMENT_BYTES == 0
    return X.dtype == dtype and X.flags.c_contiguous and is_aligned


def largest_value(X: NDArray[Any]) -> float:
    """Return the largest absolute value, without a copy of X; NaN where X has one."""
    # As whole numbers, floats are in the order of their size, NaN last, and those with a sign come
    # after all others: rows without any are looked at once.
    size = X.dtype.itemsize
    last = X.view(f"u{size}").max().view(X.dtype)
    if not np.signbit(last):
        return float(last)
    unsigned = X.view(f"i{size}").max().view(X.dtype)
    return float(np.maximum(np.abs(last), np.abs(unsigned)))


def _in_rows(name: str, X: ArrayLike, network: Network) -> NDArray[Any]:
    """Return X in the shape of rows."""
    given = as_numbers(name, X)
    if given.ndim < 2 or math.prod(given.shape[1:]) != network.inputs:
        one_row = given.shape == (network.inputs,)
        remedy = "one row is X[None]" if one_row else "reshape X, or build the network for it"
        raise DataError(
            f"{name} has shape {given.shape}; this network takes (rows, {network.inputs}); {remedy}"
        )
    if not _in_order(given.shape[1:], network.input_shape):
        # As many values in another order, such as channels last, would be read as another image.
        raise DataError(
            f"{name} has shape {given.shape}; this network takes (rows, {network.inputs}) or "
            f"{('rows', *network.input_shape)!s}; ".replace("'rows'", "rows")
            + transposing(name, given.shape[1:], network.input_shape)
        )
    if len(given) == 0:
        raise DataError(f"{name} has no rows; expected at least one")
    return given.reshape(len(given), network.inputs)


def transposing(name: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """Return the remedy for inputs with their axes in another order."""
    has_channels_last = len(given) == 3 and (given[2], *given[:2]) == wanted
    return f"give {name}.transpose(0, 3, 1, 2)" if has_channels_last else f"transpose {name}"


def _in_order(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Return True if as many values, in C order, are those of an input of the wanted shape."""
    flat = len(given) == 1 or len(wanted) == 1
    return flat or given == wanted or (wanted[0] == 1 and given == wanted[1:])


def preprocessed_rows(
    X: ArrayLike, network: Network, preprocessing: Preprocessing, dtype: DTypeLike
) -> NDArray[Any]:
    """Return raw rows X as `network` takes them, contiguous, (n, inputs) of `dtype`.

    They are preprocessed in float64, whatever the dtype. Rows that need nothing are a
    read-only view of X.

    Raises:
        DataError: as `prepare_rows`, before preprocessing or after it.
    """
    if preprocessing.name == NONE:
        return _finite_rows(X, network, dtype)
    rows = prepare_rows(X, network, np.float64)
    # Small numbers may underflow, and large ones overflow, whatever the caller set.
    with np.errstate(all="ignore"):
        preprocessing.apply_in_place(rows)
    if rows.dtype != dtype:
        return prepare_rows(rows, network, dtype)
    check_finite(rows, "X")
    return rows


def _finite_rows(X: ArrayLike, network: Network, dtype: DTypeLike) -> NDArray[Any]:
    """Return X as `prepare_rows`, but without a copy where its array is of that form."""
    given = _in_rows("X", X, network)
    if given.dtype != dtype or not given.flags.c_contiguous:
        return prepare_rows(given, network, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = sum_is_finite(given)
    if not is_finite:
        check_finite(given, "X")
    # A plugin that writes to rows is stopped, and does not change the caller's.
    rows = given.view()
    rows.flags.writeable = False
    return rows


def one_row(x: ArrayLike, network: Network) -> NDArray[Any]:
    """Return x, one row of values or one input of the network's shape, as X (1, ...).

    Raises:
        DataError: it has another shape.
    """
    given = as_array("x", x)
    if given.shape not in ((network.inputs,), network.input_shape):
        raise DataError(
            f"x has shape {given.shape}; expected one row, ({network.inputs},); give one row "
            "at a time"
        )
    return given[np.newaxis]
