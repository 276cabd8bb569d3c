"""Scores of estimators whose training is done, as scikit-learn's searches keep them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.model_selection import GridSearchCV
from sklearn.model_selection._validation import _score
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

from samplewise.estimators.together import Trained
from samplewise.model.model import Model


class Scores:
    """Scores candidates of a search, without what they share fold by fold."""

    def __init__(self, search: GridSearchCV, X: Any, y: Any, params: Mapping[str, Any]) -> None:
        self._search, self._X, self._y, self._params = search, X, y, params
        self._scorer, _ = search._get_scorers()
        self._models: dict[Any, Model] = {}

    def of(self, splits: Sequence[Any], folds: Sequence[Sequence[Trained]]) -> list[dict[str, Any]]:
        """Return the entries that `GridSearchCV._format_results` takes, by candidate and fold.

        Args:
            splits: rows to train on and to test on, of each fold.
            folds: the trainings of each fold, in the order of the candidates.
        """
        entries = [self._of_fold(*pair) for pair in zip(splits, folds, strict=True)]
        return [entry for candidate in zip(*entries, strict=True) for entry in candidate]

    def _of_fold(self, split: Any, trained: Sequence[Trained]) -> list[dict[str, Any]]:
        train, test = split
        parts = {"test_scores": self._part(test, train)}
        if self._search.return_train_score:
            parts["train_scores"] = self._part(train, None)
        rows = {"fit_error": None, "n_test_samples": _num_samples(parts["test_scores"][0])}
        return [rows | self._entry(one, parts) for one in trained]

    def _share_program(self, model: Model) -> None:
        """Let models of equal networks predict by one program."""
        key = model.network, model.loss, model.backend, model.parameters.dtype
        known = self._models.setdefault(key, model)
        if known is not model:
            model.share_program(known)

    def _part(self, indices: Any, train: Any) -> tuple[Any, Any, Mapping[str, Any]]:
        """Return rows to score on, their targets, and the parameters of scorers."""
        X, y = _safe_split(self._search.estimator, self._X, self._y, indices, train)
        return X, y, _check_method_params(self._X, params=self._params, indices=indices)

    def _entry(self, trained: Trained, parts: Mapping[str, Any]) -> dict[str, Any]:
        begin = time.time()
        estimator = trained.fitted()
        self._share_program(estimator.model_)
        end = time.time()
        entry = {"fit_time": end - begin}
        for name, (X, y, params) in parts.items():
            entry[name] = _score(estimator, X, y, self._scorer, params, self._search.error_score)
            # As scikit-learn: the time of the test rows alone.
            entry.setdefault("score_time", time.time() - end)
        return entry
