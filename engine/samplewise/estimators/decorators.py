"""Decorators of scikit-learn, which has no types, with the types of the methods they decorate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

if TYPE_CHECKING:

    def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
        """Check the parameters of an estimator before the method runs."""

    def available_if(check: Callable[[Any], Any]) -> Callable[[Method], Method]:
        """Hide the method of estimators for which the check fails."""

else:
    from sklearn.base import _fit_context as fit_context
    from sklearn.utils.metaestimators import available_if

__all__ = ["available_if", "fit_context"]
