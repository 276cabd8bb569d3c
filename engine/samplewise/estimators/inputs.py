"""Arrays of a caller, checked by scikit-learn; plain ones that need no change take a short way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils.validation import validate_data

FLOATS = (np.float64, np.float32)
_FLOATS = frozenset(map(np.dtype, FLOATS))


def checked_rows(estimator: Any, X: Any) -> NDArray[Any]:
    """Return rows for a fitted estimator, (n, features), float64 or float32, dense.

    Raises:
        ValueError: as `sklearn.utils.validation.validate_data`.
    """
    if is_plain(X, estimator.n_features_in_) and not hasattr(estimator, "feature_names_in_"):
        return X
    with numpy_only():
        X = validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=FLOATS, reset=False)
    return dense(X)


def is_plain(X: Any, features: int) -> bool:
    """Return True if X is an array that `validate_data` would return as it is.

    That takes 175 us, for one row thirty times as long as the network.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.shape[1] == features
        and X.dtype in _FLOATS
        and len(X) > 0
        and math.isfinite(X.sum())
    )


def checked_pair(estimator: Any, X: Any, y: Any, *, reset: bool, numeric: bool) -> tuple[Any, Any]:
    """Return rows and targets to learn from, the rows dense.

    Args:
        estimator: that learns, whose features are set or checked.
        X, y: given.
        reset: whether they are set.
        numeric: whether y must be numbers.

    Raises:
        ValueError: as `validate_data`.
    """
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse=["csr", "csc"],
        multi_output=True,
        y_numeric=numeric,
        dtype=FLOATS,
        reset=reset,
    )
    return dense(X), y


def numpy_only() -> Any:
    """Return a context in which scikit-learn makes NumPy's arrays of what it checks.

    With `array_api_dispatch=True` it would refuse objects that have but `__array__`.
    """
    return config_context(array_api_dispatch=False)


def dense(X: Any) -> NDArray[Any]:
    """Return an array of X, which may be sparse: the engine computes on dense rows."""
    return X.toarray() if issparse(X) else X
