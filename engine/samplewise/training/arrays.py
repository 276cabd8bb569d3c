"""What a caller gives, as an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.errors import DataError

# Kinds of dtypes: bool, unsigned, integer, float.
NUMBERS = "buif"


def as_array(name: str, given: ArrayLike) -> NDArray[Any]:
    """Return what was given as an array; `name` is what messages call it.

    Raises:
        DataError: its rows differ in length, or it is masked.
    """
    if isinstance(given, np.ma.MaskedArray):
        raise DataError(f"{name}: a masked array; fill or drop the masked values first")
    try:
        return np.asarray(given)
    except ValueError as error:
        raise DataError(f"{name}: no array, its rows differ in length ({error})") from error
