"""The loss of every epoch is scikit-learn's, from the same weights, order and parameters."""

import warnings

import numpy as np
import pytest
import sklearn.neural_network as original
from sklearn.exceptions import ConvergenceWarning

import samplewise

BACKENDS = ("reference", "vectorized", "numba_cpu")
ROWS = 37
RNG = np.random.default_rng(5)
X = RNG.normal(size=(ROWS, 4))
TWO = (X[:, 0] + 0.3 * RNG.normal(size=ROWS) > 0).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.5])
LABELS = np.stack([TWO, X[:, 2] > 0, THREE == 1], axis=1).astype(int)
NUMBER = X @ [1.0, -2.0, 0.5, 0.0] + 0.1
NUMBERS = np.stack([NUMBER, X[:, 3] ** 2], axis=1)
COUNTS = RNG.poisson(np.exp(X[:, 0] / 2)).astype(float)
WEIGHTS = RNG.uniform(0, 2, ROWS)
SOME_ABSENT = WEIGHTS * (RNG.random(ROWS) > 0.2)

PLAIN_SGD = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1}
SGD = {"solver": "sgd", "learning_rate_init": 0.05}
FALLING = SGD | {"learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 1, "max_iter": 40}
CASES = {
    "adam": ("MLPClassifier", TWO, {}),
    "adam_three_classes": ("MLPClassifier", THREE, {}),
    "adam_several_labels": ("MLPClassifier", LABELS, {}),
    "adam_number": ("MLPRegressor", NUMBER, {}),
    "adam_numbers": ("MLPRegressor", NUMBERS, {}),
    "adam_counts": ("MLPRegressor", COUNTS, {"loss": "poisson"}),
    "adam_weights": ("MLPClassifier", THREE, {"sample_weight": WEIGHTS}),
    "several_counts": ("MLPRegressor", np.stack([COUNTS, COUNTS + 1], axis=1), {"loss": "poisson"}),
    "counts_with_weights": ("MLPRegressor", COUNTS, {"loss": "poisson", "sample_weight": WEIGHTS}),
    "counts_absent_rows": (
        "MLPRegressor",
        COUNTS,
        {"loss": "poisson", "sample_weight": SOME_ABSENT},
    ),
    "betas": ("MLPClassifier", TWO, {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3}),
    "sgd": ("MLPClassifier", TWO, PLAIN_SGD),
    "momentum": ("MLPClassifier", THREE, SGD | {"nesterovs_momentum": False}),
    "nesterov": ("MLPClassifier", LABELS, SGD),
    "sgd_numbers": ("MLPRegressor", NUMBERS, SGD),
    "sgd_number": ("MLPRegressor", NUMBER, PLAIN_SGD),
    "sgd_absent_rows": ("MLPRegressor", NUMBERS, SGD | {"sample_weight": SOME_ABSENT}),
    "alpha": ("MLPRegressor", NUMBERS, SGD | {"alpha": 2.0}),
    "alpha_with_weights": ("MLPClassifier", TWO, {"alpha": 2.0, "sample_weight": SOME_ABSENT}),
    "no_alpha": ("MLPClassifier", TWO, {"alpha": 0.0}),
    "invscaling": ("MLPClassifier", THREE, SGD | {"learning_rate": "invscaling", "power_t": 0.3}),
    "adaptive": ("MLPClassifier", THREE, FALLING),
    "adaptive_numbers": ("MLPRegressor", NUMBERS, FALLING | {"max_iter": 60}),
    "stops": ("MLPClassifier", TWO, {"tol": 0.2, "n_iter_no_change": 2}),
    "early": ("MLPClassifier", TWO, {"early_stopping": True, "n_iter_no_change": 3}),
    "early_three": ("MLPClassifier", THREE, {"early_stopping": True, "n_iter_no_change": 3}),
    "early_numbers": ("MLPRegressor", NUMBERS, {"early_stopping": True, "max_iter": 30}),
    "early_weights": (
        "MLPRegressor",
        NUMBER,
        {"early_stopping": True, "sample_weight": WEIGHTS, "validation_fraction": 0.3},
    ),
    "early_labels": ("MLPClassifier", LABELS, {"early_stopping": True, "validation_fraction": 0.3}),
    "early_weights_of_classes": (
        "MLPClassifier",
        THREE,
        {"early_stopping": True, "sample_weight": WEIGHTS, "validation_fraction": 0.3},
    ),
    "early_adaptive": ("MLPClassifier", TWO, FALLING | {"early_stopping": True}),
    "one_row": ("MLPClassifier", TWO, {"batch_size": 1, "max_iter": 3}),
    "all_rows": ("MLPRegressor", NUMBER, {"batch_size": "auto"}),
    "two_layers": ("MLPClassifier", THREE, {"hidden_layer_sizes": (6, 5), "activation": "tanh"}),
    "linear": ("MLPRegressor", NUMBERS, {"hidden_layer_sizes": (), "activation": "identity"}),
    "logistic": ("MLPClassifier", TWO, {"activation": "logistic"}),
    "no_hidden_layer": (
        "MLPRegressor",
        NUMBER,
        {"hidden_layer_sizes": (), "activation": "logistic"},
    ),
}
COMMON = {
    "hidden_layer_sizes": (7,),
    "batch_size": 10,
    "learning_rate_init": 0.02,
    "max_iter": 12,
    "shuffle": False,
    "random_state": 3,
}


def fitted(module, case, **more):
    name, y, parameters = CASES[case]
    parameters = COMMON | parameters | more
    weights = parameters.pop("sample_weight", None)
    estimator = getattr(module, name)(**parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, sample_weight=weights)


@pytest.fixture(scope="module")
def theirs():
    found = {}
    return lambda case: found.setdefault(case, fitted(original, case))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES)
def test_losses_scores_and_weights_are_those_of_scikit_learn(case, backend, theirs):
    ours, wanted = fitted(samplewise, case, backend=backend), theirs(case)
    assert ours.n_iter_ == wanted.n_iter_
    assert ours.t_ == wanted.t_
    np.testing.assert_allclose(ours.loss_curve_, wanted.loss_curve_, rtol=0, atol=1e-9)
    for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
        expected = getattr(wanted, name)
        if expected is None:
            assert getattr(ours, name) is None
        else:
            np.testing.assert_allclose(getattr(ours, name), expected, rtol=0, atol=1e-9)
    for own, other in zip(ours.coefs_, wanted.coefs_, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-9)


def test_the_loss_falls_in_every_case(theirs):
    """Else equal curves would show little."""
    for case in CASES:
        curve = theirs(case).loss_curve_
        assert curve[-1] < curve[0], case


@pytest.mark.parametrize("case", ["adam", "adam_numbers", "adam_several_labels"])
def test_predictions_are_those_of_scikit_learn(case, theirs):
    ours, wanted = fitted(samplewise, case), theirs(case)
    np.testing.assert_allclose(ours.predict(X), wanted.predict(X), rtol=0, atol=1e-9)
    if hasattr(wanted, "predict_proba"):
        np.testing.assert_allclose(
            ours.predict_proba(X), wanted.predict_proba(X), rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("case", ["adam", "nesterov", "invscaling", "alpha"])
def test_a_warm_start_goes_on_as_scikit_learn(case):
    """From weights that were set, with the loss of both trainings in one curve."""
    ours = fitted(samplewise, case, max_iter=2, warm_start=True, random_state=8)
    wanted = fitted(original, case, max_iter=2, warm_start=True, random_state=9)
    ours.coefs_ = [one.copy() for one in wanted.coefs_]
    ours.intercepts_ = [one.copy() for one in wanted.intercepts_]
    y = CASES[case][1]
    for each in (ours, wanted):
        each.set_params(max_iter=6, random_state=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            each.fit(X, y)
    assert ours.t_ == wanted.t_
    assert len(ours.loss_curve_) == len(wanted.loss_curve_)
    np.testing.assert_allclose(ours.loss_curve_[2:], wanted.loss_curve_[2:], rtol=0, atol=1e-9)


WAITING = {"tol": 0.02, "n_iter_no_change": 3}
SEVERAL_FITS = {
    "loss": ("adam_three_classes", WAITING, [2] * 12),
    "loss_of_numbers": ("sgd_numbers", WAITING, [1] * 20),
    "until_patience_ends": ("nesterov", {"tol": 0.2, "n_iter_no_change": 2}, [20, 20, 1, 5]),
    "score": ("early", {"n_iter_no_change": 4}, [3] * 8),
    "score_of_numbers": ("early_numbers", {"tol": 0.05, "n_iter_no_change": 3}, [2, 5, 1, 9, 9]),
    "adaptive": ("adaptive", {"n_iter_no_change": 3}, [2] * 10),
    "adaptive_by_epochs": ("adaptive_numbers", {"n_iter_no_change": 2}, [1] * 15 + [8, 3]),
    "adaptive_to_its_end": ("adaptive", {"n_iter_no_change": 1, "tol": 0.5}, [40, 40, 3]),
    "adaptive_by_score": ("adaptive", {"early_stopping": True, "n_iter_no_change": 2}, [3] * 6),
}


@pytest.mark.parametrize(
    ("case", "rows"),
    # `partial_fit` takes no early_stopping.
    [(case, 0) for case in SEVERAL_FITS]
    + [(case, rows) for case in SEVERAL_FITS if "score" not in case for rows in (1, ROWS)],
)
def test_patience_goes_on_over_warm_starts_as_in_scikit_learn(case, rows):
    """After fits that end by epochs or by patience, and calls of `partial_fit` between them."""
    known, change, fits = SEVERAL_FITS[case]
    name, y, parameters = CASES[known]
    parameters = COMMON | parameters | change
    both = [getattr(module, name)(**parameters) for module in (samplewise, original)]
    waits = []
    for epochs in fits:
        for estimator in both:
            estimator.set_params(max_iter=epochs, warm_start=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
                estimator.fit(X, y)
                if rows:
                    # With it, the rows must have all classes.
                    estimator.set_params(warm_start=False).partial_fit(X[:rows], y[:rows])
        ours, wanted = both
        waits.append(wanted._no_improvement_count)
        assert ours.n_iter_ == wanted.n_iter_
        np.testing.assert_allclose(ours.loss_curve_, wanted.loss_curve_, rtol=0, atol=1e-9)
        if wanted.early_stopping:
            scores = wanted.validation_scores_
            np.testing.assert_allclose(ours.validation_scores_, scores, rtol=0, atol=1e-9)
    # Else counting anew would have done as well.
    assert any(waits)


@pytest.mark.parametrize("begins", ["fit", "partial_fit"])
@pytest.mark.parametrize("case", ["adam", "momentum", "invscaling", "adaptive", "adaptive_numbers"])
@pytest.mark.parametrize("rows", [ROWS, 1])
def test_partial_fit_goes_on_as_scikit_learn(case, begins, rows):
    """With the optimizer and the learning rate that the calls before left."""
    name, y, parameters = CASES[case]
    curves = []
    for module in (samplewise, original):
        classes = {"classes": np.unique(y)} if name == "MLPClassifier" else {}
        estimator = getattr(module, name)(**COMMON | parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)
            getattr(estimator, begins)(X, y, **(classes if begins == "partial_fit" else {}))
            for _ in range(25):
                estimator.partial_fit(X[:rows], y[:rows], **classes)
        curves.append(estimator.loss_curve_)
    np.testing.assert_allclose(*curves, rtol=0, atol=1e-9)


def test_a_row_is_learnt_at_the_rate_that_fell():
    online = fitted(samplewise, "adaptive")
    batch = fitted(original, "adaptive").set_params(batch_size=1)
    for row in range(5):
        # Without a warning, though `batch_size` is 10.
        online.learn_one(X[row], THREE[row])
        batch.partial_fit(X[row : row + 1], THREE[row : row + 1])
    for own, other in zip(online.coefs_, batch.coefs_, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=1e-9)


def test_float32_stays_float32():
    ours = fitted(samplewise, "adam_numbers", dtype="float32")
    assert {one.dtype for one in (*ours.coefs_, *ours.intercepts_)} == {np.dtype("float32")}
    wanted = fitted(original, "adam_numbers")
    np.testing.assert_allclose(ours.loss_curve_, wanted.loss_curve_, rtol=1e-4)


def test_invscaling_by_a_power_beyond_all_numbers_stands_still():
    """scikit-learn raises OverflowError there."""
    falls = {"learning_rate": "invscaling", "power_t": 1e308}
    estimator = samplewise.MLPClassifier(**COMMON | SGD | falls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, TWO)
    curve = estimator.loss_curve_
    assert curve[1] < curve[0]
    assert curve[-1] == pytest.approx(curve[-2], rel=0.05)
    before = estimator.set_params(momentum=0.0).coefs_[0].copy()
    estimator.partial_fit(X, TWO)
    np.testing.assert_array_equal(estimator.coefs_[0], before)


@pytest.mark.parametrize(
    "words",
    [
        {"max_iter": 3},
        {"tol": 0.2, "n_iter_no_change": 2},
        {"early_stopping": True, "n_iter_no_change": 3},
        FALLING,
        FALLING | {"learning_rate_init": 2e-5, "max_iter": 200},
    ],
)
def test_verbose_prints_the_same_lines(capsys, words):
    shown = []
    for library in (original, samplewise):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            words = {"max_iter": 60, "random_state": 0, "shuffle": False} | words
            library.MLPClassifier((5,), verbose=True, **words).fit(X, TWO)
        shown.append(capsys.readouterr().out.splitlines())
    assert shown[0] == shown[1]
    assert len(shown[0]) == 3 or "Stopping." in shown[0][-1] or "Setting" in " ".join(shown[0])
