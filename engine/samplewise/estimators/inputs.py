"""Arrays of a caller, checked by scikit-learn; plain ones that need no change take a short way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils.validation import column_or_1d, validate_data

from samplewise.data.arrays import sum_is_finite

FLOATS = (np.float64, np.float32)
_FLOATS = frozenset(map(np.dtype, FLOATS))
# Kinds of labels that cannot be missing: bool, integers and text.
LABEL_KINDS = "biuUS"


def checked_rows(estimator: Any, X: Any) -> NDArray[Any]:
    """Return rows for a fitted estimator, (n, features), float64 or float32, dense.

    Raises:
        ValueError: as `sklearn.utils.validation.validate_data`.
    """
    if is_for_model(estimator, X) and sum_is_finite(X):
        return X
    with numpy_only():
        X = validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=FLOATS, reset=False)
    return dense(X)


def is_for_model(estimator: Any, X: Any) -> bool:
    """Return True if `checked_rows` returns X as it is where its numbers are finite."""
    return _is_table(X, estimator.n_features_in_) and not hasattr(estimator, "feature_names_in_")


def is_plain(X: Any, features: int | None) -> bool:
    """Return True if X is an array that `validate_data` would return as it is; None is any width.

    That takes 175 us, for one row thirty times as long as the network.
    """
    return _is_table(X, features) and sum_is_finite(X)


def _is_table(X: Any, features: int | None) -> bool:
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and (X.shape[1] > 0 if features is None else X.shape[1] == features)
        and X.dtype in _FLOATS
        and len(X) > 0
    )


def _are_plain(X: Any, y: Any, features: int | None, *, numeric: bool) -> bool:
    """Return True if X and y are arrays that `validate_data` would return as they are."""
    return (
        is_plain(X, features)
        and type(y) is np.ndarray
        and y.ndim == 1
        and len(y) == len(X)
        and (y.dtype in _FLOATS and sum_is_finite(y) if numeric else y.dtype.kind in LABEL_KINDS)
    )


def checked_pair(estimator: Any, X: Any, y: Any, *, reset: bool, numeric: bool) -> tuple[Any, Any]:
    """Return rows and targets to learn from, the rows dense.

    `reset` sets the features of the estimator, which are else checked; `numeric` targets must be
    numbers.

    Raises:
        ValueError: as `validate_data`.
    """
    features = None if reset else estimator.n_features_in_
    if _are_plain(X, y, features, numeric=numeric) and not hasattr(estimator, "feature_names_in_"):
        estimator.n_features_in_ = X.shape[1]
        return X, y
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


def one_column(y: Any) -> Any:
    """Return targets in one dimension where they are a column, with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def numpy_only() -> Any:
    """Return a context in which scikit-learn makes NumPy's arrays of what it checks.

    With `array_api_dispatch=True` it would refuse objects that have but `__array__`.
    """
    return config_context(array_api_dispatch=False)


def dense(X: Any) -> NDArray[Any]:
    """Return an array of X, which may be sparse: the engine computes on dense rows."""
    return X.toarray() if issparse(X) else X
