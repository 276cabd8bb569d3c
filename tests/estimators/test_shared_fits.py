"""Which fits of a `SweepSearchCV` share their training, and what sharing leaves as it was."""

import time

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from samplewise import Callback, Checkpoint, MLPClassifier, SweepSearchCV
from samplewise.estimators import search, together
from samplewise.model import model

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
GRID = {"alpha": [0.0, 0.1]}
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def search_of(kind=SweepSearchCV, grid=GRID, *, parameters=None, **options):
    estimator = MLPClassifier(**{**SMALL, **(parameters or {})})
    return kind(estimator, grid, **{"cv": 3, **options})


@pytest.fixture
def shared(monkeypatch):
    """Return the sizes of the groups that trained at once."""
    sizes, train = [], together.train_many_without_warnings

    def counted(networks, *args, **kwargs):
        sizes.append(len(networks))
        return train(networks, *args, **kwargs)

    monkeypatch.setattr(together, "train_many_without_warnings", counted)
    return sizes


@pytest.mark.parametrize(
    "parameters",
    [
        {"warm_start": True},
        {"verbose": True},
        {"callbacks": [Callback()]},
        {"random_state": None},
        {"random_state": np.random.RandomState(0)},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_candidates_that_train_in_fit(parameters, shared):
    search_of(parameters=parameters, refit=False).fit(X, Y)
    assert shared == []


def test_processes_share_nothing(shared):
    search_of(n_jobs=2, refit=False).fit(X, Y)
    assert shared == []


def test_folds_of_too_many_bytes_are_not_held(shared, monkeypatch):
    bytes_of_folds = 3 * X.nbytes
    for most, groups in ((bytes_of_folds, 3), (bytes_of_folds - 1, 0)):
        shared.clear()
        monkeypatch.setattr(search, "MOST_BYTES", most)
        found = search_of(refit=False).fit(X, Y).cv_results_["mean_test_score"]
        np.testing.assert_array_equal(
            found, search_of(GridSearchCV, refit=False).fit(X, Y).cv_results_["mean_test_score"]
        )
        assert len(shared) == groups


def test_rows_with_weights_share(shared):
    search_of(refit=False).fit(X, Y, sample_weight=np.linspace(1, 2, len(X)))
    assert shared == [2, 2, 2]


def test_verbose_searches_print_each_fit(capfd):
    counts = []
    for kind in (GridSearchCV, SweepSearchCV):
        search_of(kind, verbose=2, refit=False).fit(X, Y)
        counts.append(capfd.readouterr().out.count("END"))
    assert counts == [6, 6]


def test_a_snapshot_of_other_rows_fails_in_each_fit(tmp_path):
    kept = Checkpoint(tmp_path)
    MLPClassifier(**SMALL, callbacks=kept).fit(X, Y)
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        search_of().fit(X, Y, initial=kept.snapshot())


def test_models_of_a_search_predict_by_one_program(monkeypatch):
    made, make = [], model.predicting_program
    monkeypatch.setattr(model, "predicting_program", lambda *of: made.append(1) or make(*of))
    search_of(grid={"alpha": [0.0, 0.1, 0.2, 0.3]}, refit=False).fit(X, Y)
    # scikit-learn scores the first candidate, by a program a fold.
    assert len(made) == 3 + 1


def slow_on_training_rows(estimator, rows, targets):
    time.sleep(0.05 if len(rows) > len(X) / 2 else 0.0)
    return 0.5


def test_times_are_those_of_fitting_and_of_scoring_test_rows():
    options = {"scoring": slow_on_training_rows, "return_train_score": True, "refit": False}
    found = search_of(**options).fit(X, Y).cv_results_
    assert (found["mean_fit_time"] > 0).all()
    assert (found["mean_score_time"] < 0.05).all()


def test_an_interrupt_ends_the_search(monkeypatch):
    train = together.train_many_without_warnings

    def interrupted(*args, stop, **kwargs):
        stop.set()
        return train(*args, stop=stop, **kwargs)

    monkeypatch.setattr(together, "train_many_without_warnings", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search_of().fit(X, Y)


def test_a_search_keeps_the_attributes_of_scikit_learn_s_alone():
    known, found = (search_of(kind).fit(X, Y) for kind in (GridSearchCV, SweepSearchCV))
    assert vars(found).keys() == vars(known).keys()


@pytest.mark.parametrize("values", [{"random_state": [0, 1]}, {"dtype": ["float32", "float64"]}])
def test_candidates_of_other_weights_do_not_take_one_another_s_training(values):
    rows = X.astype(np.float32)
    known, found = (
        search_of(kind, GRID | values, refit=False, scoring="neg_log_loss").fit(rows, Y).cv_results_
        for kind in (GridSearchCV, SweepSearchCV)
    )
    np.testing.assert_allclose(found["mean_test_score"], known["mean_test_score"], rtol=1e-12)


def test_each_candidate_warns_once_that_it_has_not_converged():
    search = search_of(refit=False)
    with pytest.warns(ConvergenceWarning) as told:
        search.fit(X, Y)
    assert len(told) == 6


def test_fits_with_equal_networks_share_them():
    one, other = (MLPClassifier(**SMALL, alpha=alpha).fit(X, Y) for alpha in (0.0, 0.1))
    assert one.model_.network is other.model_.network
    dropping = MLPClassifier(**SMALL, dropout=0.25).fit(X, Y)
    assert dropping.model_.network != one.model_.network
