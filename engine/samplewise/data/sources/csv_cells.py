"""The cells of a table: numbers, missing values and labels, and tables of numbers at speed."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.labels import UNSEEN, check_class_names
from samplewise.data.sources.csv_dialect import Body
from samplewise.errors import DataError

# Python's own float() also takes 1_000, Arabic digits, nan and infinity.
NUMBER = r"[ \t]*+[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[ \t]*+"
IS_NUMBER = re.compile(NUMBER)
TRUTHS = frozenset({"true", "false"})
"""The cells of a boolean column, in any case."""

# A number written otherwise: never taken for text, since that would go unnoticed. What repeats
# gives nothing back: the time of a long cell would grow with the square of its length.
_LIKE_A_NUMBER = re.compile(
    r"[+\-\u2212]?[$\u20ac\u00a3\u00a5]?"
    r"(?:(?=[.,'\u2019_\s]*+\d)[\d.,'\u2019_\s]++(?:e[+-]?\d*+)?\s*+[%$\u20ac\u00a3\u00a5]?"
    r"|inf(?:inity)?)",
    re.I,
)
_LIKE_A_DATE = re.compile(r"\d{1,4}\.\d{1,2}\.\d{1,4}\.?")
# A decimal comma, or one between thousands.
_AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*+,[0-9]++")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}([,.'\u2019 \u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*")
_DECIMAL_PART = re.compile(r"[.,][0-9]*$")
_MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_LONG_WHOLE = re.compile(r"[+-]?[0-9]{19,}")
# As a number, 01 would be the same class as 1, which it is not as the name of a folder.
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
_DIGITS = b"0123456789"
_PLAIN_CHARACTERS = _DIGITS + b"+-.eE"


def bare(cell: str) -> str:
    """Return a cell without invisible characters and surrounding blanks."""
    # None of them is in ASCII, and looking for them takes longer than all else.
    return (cell if cell.isascii() else cell.translate(UNSEEN)).strip()


def is_missing(cell: str) -> bool:
    """Return True if a cell is empty, or one of NA, N/A, NaN, null, None and ? in any case."""
    return bare(cell).lower() in _MISSING


def is_like_a_number(cell: str) -> bool:
    """Return True if a cell looks like a number, written as `IS_NUMBER` does not accept."""
    plain = bare(cell)
    return bool(_LIKE_A_NUMBER.fullmatch(plain)) and not _LIKE_A_DATE.fullmatch(plain)


def missing_value(cell: str) -> str:
    """Return the problem of a missing value, for after its place."""
    return f"missing value ('{printable(cell)}'); fill it or remove the row"


def not_a_number(cell: str) -> str:
    """Return the problem of a cell that is not a number, for after its place."""
    plain, shown = cell.strip(), printable(cell)
    unsigned = plain.lstrip("+-")
    if _AMBIGUOUS.fullmatch(plain):
        whole, point = plain.replace(",", ""), plain.replace(",", ".")
        return (
            f"'{shown}' has a thousands separator (write {whole}) or a decimal comma (write "
            f"{point})"
        )
    if _DECIMAL_COMMA.fullmatch(plain):
        return f"'{shown}' has a decimal comma; write {plain.replace(',', '.')}"
    whole = _DECIMAL_PART.sub("", unsigned) if _has_both(unsigned) else unsigned
    if _THOUSANDS.fullmatch(whole):
        return f"'{shown}' has a thousands separator; write the digits without it"
    if IS_NUMBER.fullmatch(bare(cell)):
        return f"'{shown}' has an invisible character beside the number; remove it"
    return (
        f"'{shown}' is not a plain decimal number; "
        "expected digits 0-9 with an optional sign, point and exponent, such as -1.5e3"
    )


def _has_both(unsigned: str) -> bool:
    """Return True if the last mark differs from another before it: it is the decimal mark then."""
    marks = re.findall(r"[.,'\u2019 \u00a0\u202f]", unsigned)
    return len(set(marks)) == 2 and marks.count(marks[-1]) == 1 and marks[-1] in ".,"


def plain_table(
    body: Body, columns: int, left_out: Collection[int], label: int | None
) -> tuple[list[str], NDArray[Any]] | None:
    """Read a table without quotes, blanks or oddities in a fraction of the time; None for others.

    Accepts a part of what `csv_table.read_cells` accepts, with the same result: of the characters
    let through, NumPy's parser makes no number that is not one in the grammar above.

    CPU time for 27,000 x 785 pixels, median of 3 on an AMD EPYC: 1.3 s, against 6.7 s by the other.

    Args:
        body: the table, with a header.
        columns: how many the header names.
        left_out: positions of the columns that are not read as numbers, the label's among them.
        label: position of the label; None where there is none.

    Returns:
        The labels, and the numbers of the other columns, uint8 or float64.
    """
    separator = body.separator
    if '"' in body.text:
        return None
    lines = body.lines()[1:]
    if not lines or max(map(len, lines)) > csv.field_size_limit():
        return None
    if any(line.count(separator) != columns - 1 for line in lines):
        return None
    labels, numbers = _parted(lines, separator, sorted(left_out, reverse=True), label)
    if "" in numbers or any(map(is_missing, set(labels))):
        return None
    others = "".join(numbers).encode().translate(None, _DIGITS + separator.encode())
    if not others:
        # A seventh of the time for floats; refuses numbers above 255.
        with suppress(ValueError):
            return labels, numbers_of_lines(numbers, np.uint8, separator)
    if not others.translate(None, _PLAIN_CHARACTERS):
        with suppress(ValueError):
            return labels, numbers_of_lines(numbers, np.float64, separator)
    return None


def _parted(
    lines: list[str], separator: str, left_out: Sequence[int], label: int | None
) -> tuple[list[str], list[str]]:
    """Return the labels, and the lines without the cells at `left_out`, the last one first."""
    if not left_out:
        return [], lines
    labels, numbers = [], []
    for line in lines:
        cells = line.split(separator, left_out[0] + 1)
        if label is not None:
            labels.append(cells[label].strip())
        for position in left_out:
            del cells[position]
        numbers.append(separator.join(cells))
    return labels, numbers


def numbers_of_lines(
    lines: list[str], dtype: type[np.generic], separator: str = ","
) -> NDArray[Any]:
    """Return the numbers in lines, (lines, numbers of each)."""
    return np.loadtxt(lines, dtype=dtype, delimiter=separator, comments=None, ndmin=2)


def typed_labels(labels: list[str], name: str) -> NDArray[Any]:
    """Return labels as integers, as floats, or as text, as all of them are.

    Numbers of which one is written with leading zeros are text: names such as 01.

    Args:
        labels: without surrounding blanks; none is missing.
        name: of the file, for messages.

    Raises:
        DataError: a label cannot name a class, or some are numbers and some are text.
    """
    different = sorted(set(labels))
    # Before NumPy gives every row the room of the longest label.
    check_class_names(different, name)
    is_number = [IS_NUMBER.fullmatch(label) is not None for label in different]
    if not any(is_number) or any(map(_LEADING_ZERO.match, different)):
        return np.array(labels)
    if not all(is_number):
        number = different[is_number.index(True)]
        words = different[is_number.index(False)]
        raise DataError(
            f"{name}: labels mix numbers ('{printable(number)}') and text ('{printable(words)}'); "
            "use one kind, for example class_1 for 1"
        )
    if all(map(_WHOLE.fullmatch, different)):
        return np.array([int(label) for label in labels], dtype=np.int64)
    long = next(filter(_LONG_WHOLE.fullmatch, different), None)
    if long is not None:
        raise DataError(
            f"{name}: the label '{printable(long)}' is a whole number of more than 18 digits; "
            f"write such labels as text, for example id_{printable(long)}"
        )
    return np.array([float(label) for label in labels])
