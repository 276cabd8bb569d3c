"""`SweepSearchCV`: a grid search whose candidates train as one product, fold by fold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from samplewise.errors import raised_by_signal_handler
from samplewise.estimators.estimator import Estimator
from samplewise.estimators.fold import Fold
from samplewise.estimators.scores import Scores
from samplewise.estimators.settings import LBFGS
from samplewise.estimators.tasks import Given
from samplewise.estimators.together import (
    Preparation,
    Trained,
    offered,
    train_together,
)

MOST_BYTES = 2**28
"""Of the rows of all folds, which are held until the last one is scored.

Searches of more gain little: their networks take long enough to hide what candidates share.
"""


class SweepSearchCV(GridSearchCV):
    """Find the best parameters of an estimator in a grid, by cross-validation.

    As `sklearn.model_selection.GridSearchCV`, with its parameters and `cv_results_`; scores agree
    to rounding, which shows where a rate is so large that the loss jumps. In one process,
    candidates of samplewise train fold by fold, and share what they can of preparation and
    programs. Those train at once that differ in learning rate, momentum, Nesterov, alpha, epochs,
    tolerance or patience; and, with `shuffle=False`, in the layers and `random_state` too: these
    draw the order of the rows. They are split over the cores of the machine, where that pays,
    which changes no bit.

    Candidates train in `fit` in pipelines, by lbfgs, with `n_ens` above 1, `verbose`, `warm_start`,
    `callbacks`, a `fit` of a subclass, a `random_state` that is not an integer, or `n_jobs` other
    than 1, and where the rows of all folds take more than 256 MiB. Where one does or fails, or with
    `verbose` of the search, scikit-learn scores all.

    Args:
        estimator: to search with.
        param_grid: values by the name of a parameter, or a list of such grids.
        scoring: a scorer, its name, several of them, or None for the estimator's own.
        n_jobs: processes; None for 1.
        refit: whether to fit the best candidate to all rows; of several scorers, the name of one;
            or a function of `cv_results_` that returns the index of the best.
        cv: number of folds, or what splits the rows; None for five.
        verbose: above 0 prints what is fitted.
        pre_dispatch: jobs that are sent ahead to processes.
        error_score: of a fit that fails; "raise" raises its error.
        return_train_score: whether to score the rows trained on too.

    Attributes:
        cv_results_: parameters, scores and times of each candidate, as arrays by name. A time of
            `fit` leaves out the training that was shared.
        best_estimator_, best_score_, best_params_, best_index_: of the best candidate.
        scorer_, n_splits_, refit_time_, multimetric_, classes_, n_features_in_: as GridSearchCV's.
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> SweepSearchCV:
        """Train and score each candidate on each fold, and fit the best one to all rows.

        Args:
            X: rows, (n, features).
            y: targets, (n,) or (n, outputs).
            params: for the `fit` of the estimator, the splitter and the scorer.

        Returns:
            The search itself.

        Raises:
            ValueError: an argument or parameter cannot be used, or all fits failed.
        """
        self._given = X, y
        self._routed: Any = None
        # Candidates that were scored without scikit-learn, and the entries of their folds.
        self._known: tuple[list[Any], list[Any]] = [], []
        try:
            return super().fit(X, y, **params)
        finally:
            del self._given, self._known, self._routed

    def _get_routed_params_for_fit(self, params: Any) -> Any:
        # Asked again, scikit-learn would warn again of what a scorer does not take.
        self._routed = super()._get_routed_params_for_fit(params)
        return self._routed

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        if effective_n_jobs(self.n_jobs) != 1 or not isinstance(self.estimator, Estimator):
            super()._run_search(evaluate_candidates, callback_ctx=callback_ctx)
            return

        def evaluate(candidates: Iterable[dict[str, Any]], **context: Any) -> None:
            candidates = list(candidates)
            X, y = self._given = indexable(*self._given)
            routed = self._routed
            splits = list(self._checked_cv_orig.split(X, y, **routed.splitter.split))
            if len(splits) * math.prod(np.shape(X)) * np.float64().nbytes > MOST_BYTES:
                evaluate_candidates(candidates, cv=_Splits(splits), **context)
                return
            estimators = [self._estimator_of(values) for values in candidates]
            folds = [self._trained_together(estimators, train) for train, _ in splits]
            if whole := self._all_trained(folds):
                # scikit-learn takes the first one, and with it all that its results need.
                scores = Scores(self, X, y, routed.scorer.score)
                self._known = candidates[1:], scores.of(splits, [f[1:] for f in whole])
                candidates, folds = candidates[:1], [fold[:1] for fold in folds]
            with offered([one for fold in folds for one in fold if one is not None]):
                evaluate_candidates(candidates, cv=_Splits(splits), **context)

        super()._run_search(evaluate, callback_ctx=callback_ctx)

    def _estimator_of(self, values: dict[str, Any]) -> Any:
        """Return the estimator of a candidate, or None where it trains in `fit`."""
        try:
            estimator = clone(self.estimator).set_params(**clone(values, safe=False))
            if not _may_share(estimator):
                return None
            estimator._validate_params()
        except Exception as error:
            # `fit` meets it again, and scikit-learn says so.
            if raised_by_signal_handler(error):
                raise
            return None
        return estimator

    def _trained_together(self, estimators: Sequence[Any], train: Any) -> list[Trained | None]:
        """Return the training of each estimator on a fold; None of one that trains in `fit`."""
        prepared = self._preparations(estimators, train)
        done = train_together([one for one in prepared if one is not None])
        by_preparation = {one.preparation: one for one in done}
        return [None if one is None else by_preparation.get(one) for one in prepared]

    def _preparations(self, estimators: Sequence[Any], train: Any) -> list[Preparation | None]:
        """Return the preparation of each estimator that may share its training."""
        X, y = self._given
        fit_params = _check_method_params(X, params=self._routed.estimator.fit, indices=train)
        X, y = _safe_split(self.estimator, X, y, train)
        given = Given(X, y, **{"sample_weight": None, **fit_params})
        if given.initial is not None:
            return [None] * len(estimators)
        fold = Fold(given)
        found: list[Preparation | None] = []
        for estimator in estimators:
            found.append(None)
            if estimator is None:
                continue
            try:
                found[-1] = fold.prepared(clone(estimator))
            except Exception as error:
                if raised_by_signal_handler(error):
                    raise
        return found

    def _all_trained(self, folds: Sequence[Sequence[Trained | None]]) -> list[list[Trained]]:
        """Return the trainings of all candidates where only scores are left to do, else none.

        Where one trains in `fit`, scikit-learn counts its failure among all fits.
        """
        trained = [
            [one for one in fold if one and not (one.preparation.warned or one.fails)]
            for fold in folds
        ]
        shown = self.verbose or getattr(self, "_skl_callbacks", None)
        whole = all(len(one) == len(fold) for one, fold in zip(trained, folds, strict=True))
        return trained if whole and not shown else []

    def _format_results(self, candidates: Any, n_splits: int, out: Any, more: Any = None) -> Any:
        known, entries = self._known
        return super()._format_results([*candidates, *known], n_splits, [*out, *entries], more)


@dataclass(frozen=True)
class _Splits:
    """Splits that are drawn already: drawn again, they could be others."""

    splits: Sequence[Any]

    def split(self, X: Any, y: Any = None, **params: Any) -> Sequence[Any]:
        """Return them."""
        return self.splits


def _may_share(estimator: Any) -> bool:
    alone = (
        estimator.n_ens != 1,
        estimator.solver == LBFGS,
        estimator.verbose,
        estimator.warm_start,
        estimator.callbacks is not None,
        getattr(estimator, "_skl_callbacks", None),
        type(estimator).fit is not Estimator.fit,
        # Other fits would draw other weights.
        not isinstance(estimator.random_state, Integral),
    )
    return not any(alone)
