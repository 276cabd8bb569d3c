"""Raw labels to class names and indices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import composed, printable_text
from samplewise.errors import DataError, ErrorList
from samplewise.warn import warn

MAX_CLASSES = 10_000
MAX_LABEL_CHARACTERS = 1_000
FEW_ROWS = 20
"""Up to so many rows, a class or category of its own for each row is plausible."""

REGRESSION = (
    "labels that are measured values make a regression, not a classification: choose a loss that "
    "learns numbers, such as --loss mean_squared_error"
)
ROW_NAMES = "they look like names of the rows: choose another label column with --label"
UNSEEN = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff"))
"""For `str.translate`: removes invisible characters, which copied text brings along."""
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_LAST_CODE_POINT = 0x10FFFF


def counted_from_zero(row: int) -> str:
    """Return the place of a row of an array, for messages."""
    return f"row {row} (counted from 0)"


def encode_labels(
    raw: NDArray[Any], name: str, place: Callable[[int], str] = counted_from_zero
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Number the classes.

    Text is put in code-point order, numbers in numeric order. Negative integers are classes like
    any other (-1 and 1 are a common coding). Floats are accepted where every one is whole and so
    small that its type holds it exactly; they are never cast before that is known.

    Args:
        raw: text, bytes, bool, integer or float; shape (n,), or (n, 1) with a warning.
        name: the file, for messages.
        place: the place of a row by its number, likewise, such as a line of the file.

    Returns:
        The class names, as `composed`, and for each row its index among them: int64 of shape (n,).

    Raises:
        DataError: another dtype or shape, a value that is NaN, inf, fractional, empty, too long or
            holds control characters, two classes that differ only by Unicode form, or over 10,000.
    """
    values = _comparable(_one_column(raw, name), name, place)
    classes, indices = np.unique(values, return_inverse=True)
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{name}: {len(values):,} rows have {len(classes):,} different labels, at most "
            f"{MAX_CLASSES:,} are allowed; {REGRESSION}"
        )
    names = tuple(_text(classes, name))
    check_class_names(names, name)
    check_distinct(names, name)
    return composed_classes(names, indices.astype(np.int64))


def composed_classes(
    names: tuple[str, ...], indices: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return distinct class names as `composed`, in order again, and each row's index among them.

    Args:
        names: in code-point order, or numbers in theirs.
        indices: of the rows' classes among `names`, shape (n,).
    """
    wanted = [composed(text) for text in names]
    if wanted == list(names):
        return names, indices
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    return tuple(wanted[k] for k in order), np.argsort(order)[indices]


def check_class_names(names: Iterable[str], name: str) -> None:
    """Refuse names of which one could not be shown, as `check_class_name`."""
    errors = ErrorList(DataError)
    for text in names:
        with errors:
            check_class_name(text, name)
    errors.check()


def check_class_name(text: str, name: str) -> None:
    """Refuse a class name that could not be shown; `name` is the file or folder, for messages.

    Raises:
        DataError: blank, over 1,000 characters, or with control characters or lone surrogates.
    """
    if not text.strip():
        raise DataError(f"{name}: a label is empty; give every row a label or remove the row")
    if len(text) > MAX_LABEL_CHARACTERS:
        raise DataError(
            f"{name}: the label '{printable(text)}' has {len(text):,} characters, "
            f"at most {MAX_LABEL_CHARACTERS:,} are allowed; shorten it"
        )
    if not printable_text(text):
        raise DataError(
            f"{name}: the label '{printable(text)}' holds control characters or lone surrogates; "
            "expected printable text"
        )


def check_distinct(
    names: Iterable[str], name: str, *, ignore_case: bool = False, what: str = "classes"
) -> None:
    """Refuse names that print alike.

    Args:
        names: of the classes, or of others.
        name: of the file or folder, for messages.
        ignore_case: refuse names that differ only by case, too, which are one file to some systems.
        what: they name.

    Raises:
        DataError: two names differ only by invisible characters, blanks or Unicode form.
    """
    seen: dict[str, str] = {}
    for text in names:
        shown = text.translate(UNSEEN)
        folded = unicodedata.normalize("NFC", shown if ignore_case else " ".join(shown.split()))
        if ignore_case:
            # Normalised again: casefold can undo the composed form.
            folded = unicodedata.normalize("NFC", folded.casefold())
        if folded in seen:
            raise DataError(
                f"{name}: the {what} {seen[folded]!a} and {text!a} differ only by "
                f"{'case' if ignore_case else 'blanks'}, invisible characters or Unicode form; "
                "rename or join them"
            )
        seen[folded] = text


def _one_column(raw: NDArray[Any], name: str) -> NDArray[Any]:
    if raw.ndim == 1:
        return raw
    if raw.ndim == 2 and raw.shape[1] == 1:
        warn(f"{name}: labels have shape {raw.shape}; read as ({len(raw)},)")
        return raw.reshape(-1)
    if _is_one_hot(raw):
        raise DataError(
            f"{name}: labels of shape {raw.shape} are one-hot; "
            "expected one label for each row: store labels.argmax(axis=1)"
        )
    several = raw.ndim == 2 and raw.dtype.kind in "biuf"
    remedy = (
        "; to learn several, choose a loss such as multi_label_cross_entropy" if several else ""
    )
    raise DataError(
        f"{name}: labels have shape {raw.shape}; expected (rows,), one label for each row{remedy}"
    )


def _is_one_hot(raw: NDArray[Any]) -> bool:
    if raw.ndim != 2 or raw.dtype.kind not in "biuf":
        return False
    ones = raw == 1
    return bool(((raw == 0) | ones).all() and (ones.sum(axis=1) == 1).all())


def _comparable(values: NDArray[Any], name: str, place: Callable[[int], str]) -> NDArray[Any]:
    """Return values that sort and compare as the classes do: text, bool or integer."""
    kind = values.dtype.kind
    if kind == "S":
        return _decoded(values, name)
    if kind == "f":
        return _whole(values, name, place)
    if kind not in "Ubiu":
        raise DataError(
            f"{name}: labels are {printable(values.dtype)}; "
            "expected text, whole numbers or true/false"
        )
    return values


def _decoded(values: NDArray[Any], name: str) -> NDArray[Any]:
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}: labels are bytes that are not UTF-8; store them as text"
        ) from error


def _whole(values: NDArray[Any], name: str, place: Callable[[int], str]) -> NDArray[np.int64]:
    for what, bad in (("NaN", np.isnan(values)), ("inf", np.isinf(values))):
        if bad.any():
            count = np.count_nonzero(bad)
            are = "label is" if count == 1 else "labels are"
            raise DataError(
                f"{name}: {count:,} {are} {what}, the first in {place(int(bad.argmax()))}; remove "
                "these rows or label them"
            )
    fractional = values != np.rint(values)
    if fractional.any():
        row = int(fractional.argmax())
        raise DataError(
            f"{name}: the label {values[row]} in {place(row)} is not a whole number; {REGRESSION}"
        )
    digits = np.finfo(values.dtype).nmant + 1
    if values.size and np.abs(values).max() > 2.0**digits:
        raise DataError(
            f"{name}: labels go beyond 2^{digits}, where {values.dtype} skips whole numbers; "
            "store them as integers or text"
        )
    return values.astype(np.int64)


def _text(classes: NDArray[Any], name: str) -> list[str]:
    if classes.dtype.kind != "U":
        return [str(value) for value in classes.tolist()]
    # Python refuses to build a str from such a number, with a message that names no file.
    if classes.size and classes.view(np.uint32).max() > _LAST_CODE_POINT:
        raise DataError(f"{name}: a label holds numbers that are not characters; is it damaged?")
    return [str(value) for value in classes.tolist()]


def numbers_of(raw: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Return labels that are numbers to learn, float64 (n, outputs).

    Args:
        raw: bool, integer or float; shape (n,) or (n, outputs).
        name: the file, for messages.

    Raises:
        DataError: another dtype or shape.
    """
    if raw.dtype.kind not in "biuf":
        raise DataError(
            f"{name}: labels are {printable(raw.dtype)}, but the loss learns numbers; choose a "
            "loss of classes, or store numbers"
        )
    if raw.ndim not in (1, 2) or 0 in raw.shape:
        raise DataError(
            f"{name}: labels have shape {raw.shape}; expected (rows,) or (rows, outputs)"
        )
    return np.ascontiguousarray(raw.reshape(len(raw), -1), dtype=np.float64)


def no_classes(rows: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return no class names and zeros: the labels of rows with numbers instead of classes."""
    return (), np.zeros(rows, np.int64)
