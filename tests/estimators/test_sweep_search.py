"""`SweepSearchCV` gives what GridSearchCV gives, and trains candidates at once."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import GridSearchCV, KFold

from samplewise import (
    Dense,
    MLPClassifier,
    MLPRegressor,
    Network,
    NeuralNetClassifier,
    SweepSearchCV,
)
from samplewise.estimators import estimator, fold, search, together
from samplewise.network.losses import MeanSquaredError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
GRID = {"learning_rate_init": [0.01, 0.1], "alpha": [0.0, 0.1]}


def small(kind=MLPClassifier, **parameters):
    return kind(hidden_layer_sizes=(4,), **{"max_iter": 3, "random_state": 0, **parameters})


def check_equal(estimator, rows=X, targets=Y, grid=GRID, **parameters):
    fitted = [
        kind(estimator, grid, **{"cv": 3, **parameters}).fit(rows, targets)
        for kind in (GridSearchCV, SweepSearchCV)
    ]
    known, found = (one.cv_results_ for one in fitted)
    assert known.keys() == found.keys()
    for name in known:
        if np.asarray(known[name]).dtype.kind == "f" and not name.endswith("_time"):
            # Networks that train at once round differently.
            np.testing.assert_allclose(found[name], known[name], rtol=1e-12, err_msg=name)
        elif not name.endswith("_time"):
            np.testing.assert_array_equal(found[name], known[name], err_msg=name)
    return fitted[1]


@pytest.fixture
def products(monkeypatch):
    """Return the sizes of the groups that trained at once."""
    sizes = []
    train = together.train_many_without_warnings

    def counted(networks, *args, **kwargs):
        sizes.append(len(networks))
        return train(networks, *args, **kwargs)

    monkeypatch.setattr(together, "train_many_without_warnings", counted)
    return sizes


def test_candidates_of_a_fold_train_at_once(products):
    found = check_equal(small(), return_train_score=True)
    assert products == [4, 4, 4]
    assert found.score(X, Y) == found.best_estimator_.score(X, Y)


def test_each_fit_takes_its_own_training_and_leaves_none(monkeypatch):
    trained, offers, offered = [], [], together.offered

    def kept(found):
        offers.append(found)
        return offered(found)

    monkeypatch.setattr("samplewise.estimators.estimator.run", trained.append)
    monkeypatch.setattr(search, "offered", kept)
    SweepSearchCV(small(), GRID, cv=3, refit=False).fit(X, Y)
    assert trained == []
    assert offers == [[]]


@pytest.fixture
def prepared(monkeypatch):
    """Return the candidates that were prepared, ahead and by `fit`."""
    found = {"fold": [], "estimator": []}

    def counting(module):
        prepare = module.task_of

        def counted(estimator, given, **kwargs):
            found[module.__name__.rpartition(".")[2]].append(estimator.get_params())
            return prepare(estimator, given, **kwargs)

        return counted

    for module in (fold, estimator):
        monkeypatch.setattr(module, "task_of", counting(module))
    return found


@pytest.mark.parametrize("early_stopping", [False, True])
def test_each_training_is_prepared_once(early_stopping, prepared):
    check_equal(small(early_stopping=early_stopping))
    assert len(prepared["fold"]) == 12
    # Twelve of GridSearchCV, and the last fit of each.
    assert len(prepared["estimator"]) == 12 + 1 + 1


def test_rows_are_checked_once_for_all_that_depend_on_them_in_one_way(monkeypatch):
    asked, rows_of = [], fold.rows_of
    monkeypatch.setattr(
        fold, "rows_of", lambda *args, **kw: asked.append(1) or rows_of(*args, **kw)
    )
    grid = GRID | {"class_weight": [None, "balanced", {0: 2.0, 1: 1.0, 2: 1.0}], "tol": [0.0, 1e-4]}
    check_equal(small(), grid=grid)
    assert len(asked) == 3 * 3


def test_whole_networks_train_at_once(products):
    network = Network((4,), (Dense(4, "tanh"), Dense(3)))
    check_equal(NeuralNetClassifier(network, max_iter=3, random_state=0))
    assert products == [4, 4, 4]


@pytest.mark.parametrize(
    "parameters", [{"hidden_layer_sizes": [3, 2]}, {"hidden_layer_sizes": np.array([3, 2])}]
)
def test_parameters_that_are_no_numbers_are_known_again(parameters, prepared):
    check_equal(small().set_params(**parameters))
    assert len(prepared["estimator"]) == 14


def test_rows_of_a_frame_are_known_again_and_those_of_a_list_too(prepared):
    check_equal(small(), load_iris(as_frame=True).data)
    check_equal(small(), X.tolist(), Y.tolist())
    assert len(prepared["estimator"]) == 28


def test_what_cannot_be_compared_is_prepared_by_fit(products, prepared):
    check_equal(small(), csr_array(X))
    # Twelve of GridSearchCV, three of the candidate that scikit-learn scores, and the last fits.
    assert (products, len(prepared["estimator"])) == ([4, 4, 4], 12 + 1 + 3 + 1)


def test_a_warning_of_preparing_comes_from_fit_as_often_as_without(prepared):
    columns = Y[:, None]
    counts = []
    for kind in (GridSearchCV, SweepSearchCV):
        with pytest.warns(DataConversionWarning) as told:
            kind(small(), GRID, cv=KFold(3, shuffle=True, random_state=0)).fit(X, columns)
        counts.append(sum(one.category is DataConversionWarning for one in told))
    assert counts[0] == counts[1]
    assert len(prepared["estimator"]) == 26


def test_unequal_folds_of_a_regressor(products):
    check_equal(small(MLPRegressor), targets=X[:, 0], cv=KFold(4, shuffle=True, random_state=1))
    assert products == [4] * 4


def test_splits_may_be_masks(products):
    masks = [(np.arange(len(X)) % 3 != k, np.arange(len(X)) % 3 == k) for k in range(3)]
    check_equal(small(), cv=masks)
    assert products == [4, 4, 4]


def test_splits_are_drawn_once(products):
    cv = KFold(3, shuffle=True)
    SweepSearchCV(small(), GRID, cv=cv, refit=False, error_score="raise").fit(X, Y)
    assert products == [4, 4, 4]


def test_string_labels_and_several_scorers():
    labels = np.array(["setosa", "versicolor", "virginica"])[Y]
    check_equal(small(), targets=labels, scoring=["accuracy", "neg_log_loss"], refit="accuracy")


def test_data_frame_keeps_the_names_of_its_columns():
    frame = load_iris(as_frame=True).data
    found = check_equal(small(), frame)
    assert list(found.feature_names_in_) == list(frame.columns)


def test_early_stopping_goes_by_each_candidate_s_score(products):
    check_equal(small(early_stopping=True, max_iter=8, n_iter_no_change=1))
    assert products == [4, 4, 4]


def test_orders_that_differ_train_apart(products):
    grid = {"random_state": [0, 1], "alpha": [0.0, 0.1]}
    check_equal(small(), grid=grid)
    assert products == [2] * 6


@pytest.mark.parametrize("nesterovs_momentum", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_candidates_row_by_row_agree_to_rounding(momentum, nesterovs_momentum, monkeypatch):
    plans, train = [], together.train_many_without_warnings

    def noted(*args, **kwargs):
        found = train(*args, **kwargs)
        plans.append(found[0].history.plan["products"])
        return found

    monkeypatch.setattr(together, "train_many_without_warnings", noted)
    estimator = small(
        solver="sgd",
        batch_size=1,
        momentum=momentum,
        nesterovs_momentum=nesterovs_momentum,
        activation="tanh",
    )
    grid = {"learning_rate_init": [0.001, 0.003, 0.01], "alpha": [1e-4, 0.1]}
    check_equal(estimator, grid=grid, scoring="neg_log_loss", return_train_score=True)
    assert plans == ["abreast"] * 3


def test_seeds_train_one_after_the_other(products, prepared):
    check_equal(small(), grid={"random_state": [0, 1, 2]}, scoring="neg_log_loss")
    assert products == [1] * 9
    assert len(prepared["estimator"]) == 9 + 1 + 1


def test_widths_share_a_product_without_shuffling(products):
    check_equal(small(shuffle=False), grid={"hidden_layer_sizes": [(3,), (5,), (7,)]})
    assert products == [3, 3, 3]


@pytest.mark.parametrize("values", [{"n_ens": [1, 2]}, {"solver": ["lbfgs"]}])
def test_what_cannot_share_trains_in_fit(values, products):
    check_equal(small(), grid=values)


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(3)])
def test_weights_are_drawn_in_the_order_of_fits(random_state, products):
    before, scores = np.random.get_state(), []  # noqa: NPY002 - what None draws from
    try:
        for kind in (GridSearchCV, SweepSearchCV):
            np.random.seed(7)  # noqa: NPY002
            found = kind(small(random_state=random_state), GRID, cv=2).fit(X, Y)
            scores.append(found.cv_results_["mean_test_score"].tolist())
    finally:
        np.random.set_state(before)  # noqa: NPY002
    assert scores[1] == scores[0]
    assert products == []


@pytest.mark.filterwarnings("ignore")
def test_diverging_and_invalid_candidates_have_the_error_score(products):
    grid = {"learning_rate_init": [0.1, -1.0, 1e200], "alpha": [0.0, 0.1]}
    found = check_equal(small(solver="sgd"), grid=grid)
    assert np.isnan(found.cv_results_["mean_test_score"]).sum() >= 2


def test_error_of_a_candidate_is_raised_where_asked_for():
    with pytest.raises(ValueError, match="learning_rate_init"):
        SweepSearchCV(small(), {"learning_rate_init": [-1.0]}, error_score="raise").fit(X, Y)


def test_weights_of_rows_follow_their_rows():
    weights = np.linspace(0, 1, len(X))
    found = [
        kind(small(), GRID, cv=3).fit(X, Y, sample_weight=weights).cv_results_["mean_test_score"]
        for kind in (GridSearchCV, SweepSearchCV)
    ]
    np.testing.assert_array_equal(*found)


def share_and_error(estimator, rows, targets):
    """Return two figures of a fitted estimator, of its attributes as well as its predictions."""
    wrong = np.mean(estimator.predict(rows) != targets)
    return {"wrong": -wrong, "last": -estimator.loss_curve_[-1]}


def never(estimator, rows, targets):
    raise ValueError("no score")


@pytest.mark.filterwarnings("ignore:Scoring failed:UserWarning")
@pytest.mark.filterwarnings("ignore:One or more of the:UserWarning")
@pytest.mark.parametrize(
    "options",
    [
        {"scoring": share_and_error, "refit": "wrong", "return_train_score": True},
        {"scoring": never, "refit": False, "error_score": -1.0},
        {"scoring": "f1_macro", "return_train_score": True},
        {"verbose": 1},
    ],
)
def test_scorers_and_options_of_the_search(options, products):
    check_equal(small(), **options)
    assert products == [4, 4, 4]


def test_scikit_learn_fits_one_candidate_where_all_have_trained(monkeypatch):
    fits, fit = [], MLPClassifier._fit
    monkeypatch.setattr(MLPClassifier, "_fit", lambda *given: fits.append(1) or fit(*given))
    SweepSearchCV(small(), GRID, cv=3).fit(X, Y)
    assert len(fits) == 3 + 1


FITS = []


class Noting(MLPClassifier):
    """Notes its fits."""

    def fit(self, X, y, sample_weight=None):
        FITS.append(len(X))
        return super().fit(X, y, sample_weight)


def test_fits_of_a_subclass_are_called():
    found = SweepSearchCV(Noting((4,), max_iter=3, random_state=0), GRID, cv=3).fit(X, Y)
    known = GridSearchCV(small(), GRID, cv=3).fit(X, Y)
    assert len(FITS) == 12 + 1
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(found.cv_results_[name], known.cv_results_[name])


def test_warnings_of_training_come_once_a_fit():
    counts = []
    for kind in (GridSearchCV, SweepSearchCV):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            kind(small(), GRID, cv=3).fit(X, Y)
        counts.append(sum(one.category is ConvergenceWarning for one in told))
    assert counts == [13, 13]


def test_candidates_fail_whose_warning_is_an_error():
    grid = {"max_iter": [2, 300], "alpha": [0.0, 0.1]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        found = check_equal(small(tol=1.0, n_iter_no_change=2), grid=grid, refit=False)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [True, False] * 2


def fails_on_few_rows(estimator, X, y):
    if len(X) < 12:
        raise ZeroDivisionError("a score of the user")
    return 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_candidates_fail_whose_monitor_raises():
    estimator = small(early_stopping=True, monitor=fails_on_few_rows)
    found = check_equal(estimator, grid={"validation_fraction": [0.1, 0.2]}, refit=False)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [True, False]


def plain_accuracy(estimator, X, y):
    return float(np.mean(estimator.predict(X) == y))


def test_what_a_scorer_does_not_take_is_warned_of_once():
    counts = []
    for kind in (GridSearchCV, SweepSearchCV):
        search = kind(small(), GRID, cv=3, scoring=plain_accuracy)
        with pytest.warns(UserWarning, match="does not support sample_weight") as told:
            search.fit(X, Y, sample_weight=np.ones(len(X)))
        counts.append(sum("sample_weight" in str(one.message) for one in told))
    assert counts == [1, 1]


def test_search_can_be_cloned_and_pickled():
    found = SweepSearchCV(clone(small()), GRID, cv=3).fit(X, Y)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(X), found.predict(X))
    assert clone(found).get_params(deep=False).keys() == found.get_params(deep=False).keys()


def test_candidates_that_go_by_other_scores_do_not_take_one_anothers_training():
    cases = [(1e-4, "neg_log_loss"), (1e-3, "f1_macro"), (1e-3, "neg_log_loss"), (1e-4, "f1_macro")]
    check_equal(
        small(
            max_iter=60,
            batch_size=16,
            learning_rate_init=0.02,
            early_stopping=True,
            n_iter_no_change=3,
        ),
        grid=[{"alpha": [alpha], "monitor": [monitor]} for alpha, monitor in cases],
        scoring="neg_log_loss",
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_a_value_that_equals_a_valid_one_and_is_not_of_its_type_fails_all_the_same():
    grid = {"hidden_layer_sizes": [(4.0,), (4,)], "alpha": [1e-4, 1e-3]}
    found = check_equal(MLPClassifier(max_iter=3, random_state=0), grid=grid)
    assert np.isnan(found.cv_results_["mean_test_score"]).sum() == 2


def test_candidates_with_the_same_loss_in_other_units_stop_by_their_own(products):
    grid = {"loss": ["squared_error", MeanSquaredError()], "alpha": [0.0, 0.1]}
    stopping = {"max_iter": 300, "n_iter_no_change": 2, "tol": 3e-3}
    check_equal(small(MLPRegressor, **stopping), targets=X[:, 2:], grid=grid)
    assert products == [2] * 6


def test_weights_of_classes_that_differ_train_apart(products):
    grid = {"class_weight": [{0: 5.0}, {1: 5.0}], "alpha": [0.0, 0.1]}
    check_equal(small(), grid=grid)
    assert products == [2] * 6


@pytest.mark.filterwarnings("ignore")
def test_a_candidate_that_diverged_does_not_take_the_training_from_other_weights():
    network = Network((4,), (Dense(4, "relu"), Dense(3)))
    estimator = NeuralNetClassifier(
        network, max_iter=1, batch_size=10, solver="sgd", random_state=0
    )
    # Weights of 0 stay so, and no product overflows.
    rows, grid = (X * 1e37).astype(np.float32), {"init": ["glorot_uniform", "zeros"]}
    found = check_equal(estimator, rows, grid=grid)
    assert np.isnan(found.cv_results_["mean_test_score"]).tolist() == [True, False]
