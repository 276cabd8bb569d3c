"""Types of arrays, in either dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]
Matrix = NDArray[Any]
DType = np.dtype[Any]
