"""The labels of a table, all text, as the classes or numbers that they mean."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.labels import check_class_name
from samplewise.data.sources.csv_cells import IS_NUMBER
from samplewise.errors import DataError

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
# As a number, 01 would be the same class as 1, which it is not as the name of a folder.
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]")


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
    for label in different:
        check_class_name(label, name)
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
    return np.array([float(label) for label in labels])
