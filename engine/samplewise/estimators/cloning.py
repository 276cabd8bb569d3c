"""Clones of an estimator, which a search makes for each fit."""

from __future__ import annotations

from functools import cache
from typing import Any, Self, cast

from sklearn.base import BaseEstimator, clone

_NEVER_COPIED = (type(None), bool, int, float, str)


class Cloned(BaseEstimator):
    """An estimator that scikit-learn clones in a quarter of the time."""

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        # scikit-learn reads the signature in each of a clone's two calls: half of its time.
        return list(super()._get_param_names())

    def __sklearn_clone__(self) -> Self:
        """Return an estimator with the same parameters, not fitted.

        scikit-learn would deepcopy thirty parameters, at about 1 us each.
        """
        given: dict[str, Any] = self.get_params(deep=False)
        # Whatever else an estimator holds, its metadata requests for one, scikit-learn hands on.
        if vars(self).keys() == given.keys():
            copies = {
                name: value if type(value) in _NEVER_COPIED else clone(value, safe=False)
                for name, value in given.items()
            }
            copy = type(self)(**copies)
            if all(getattr(copy, name) is value for name, value in copies.items()):
                return copy
        return cast("Self", super().__sklearn_clone__())
