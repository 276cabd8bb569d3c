"""Arguments and parameters that cannot be used: scikit-learn's classes and words, raised by fit."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network as original
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError
from small_data import LABELS, NAMES, NUMBER, QUICK, TWO, X

import samplewise
from samplewise import CNNClassifier, MLPClassifier, MLPRegressor, NeuralNetClassifier
from samplewise.errors import DataError, ParameterError, SamplewiseWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate_init": 0},
        {"learning_rate_init": -1.0},
        {"learning_rate_init": np.nan},
        {"learning_rate_init": "fast"},
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"max_iter": 0},
        {"max_iter": -1},
        {"momentum": 1.5},
        {"beta_1": 1.0},
        {"epsilon": 0.0},
        {"alpha": -1e-4},
        {"tol": -1.0},
        {"validation_fraction": 1.0},
        {"n_iter_no_change": 0},
        {"activation": "sigmoyd"},
        {"solver": "sdg"},
        {"learning_rate": "slow"},
        {"shuffle": "yes"},
        {"random_state": -1},
        {"random_state": 2**40},
        {"random_state": 1.5},
        {"hidden_layer_sizes": -3},
        {"hidden_layer_sizes": (3, 0)},
    ],
    ids=str,
)
def test_a_parameter_out_of_range_is_refused_as_by_scikit_learn(parameters):
    with pytest.raises(ValueError) as wanted:  # noqa: PT011 - its own words are compared
        original.MLPClassifier(**parameters).fit(X, TWO)
    with pytest.raises(type(wanted.value)) as found:
        MLPClassifier(**parameters).fit(X, TWO)
    assert str(found.value).split(" must be")[0] == str(wanted.value).split(" must be")[0]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"dropout": 1.0}, "'dropout' parameter of MLPClassifier must be a float"),
        ({"n_threads": 0}, "'n_threads' parameter of MLPClassifier must be an int"),
        ({"n_ens": 0}, "'n_ens' parameter of MLPClassifier must be an int"),
        ({"n_ens": 10**9}, r"'n_ens' parameter .* must be an int in the range \[1, 10000\]"),
        ({"dtype": "float16"}, "'dtype' parameter of MLPClassifier"),
        ({"monitor": 3}, "'monitor' parameter of MLPClassifier"),
        ({"class_weight": "even"}, "'class_weight' parameter of MLPClassifier"),
        ({"loss": "squared_error"}, "'loss' parameter of MLPClassifier"),
    ],
    ids=str,
)
def test_so_is_one_that_scikit_learn_does_not_have(parameters, words):
    with pytest.raises(InvalidParameterError, match=words):
        MLPClassifier(**parameters).fit(X, TWO)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"activation": ["relu", "tanh"]},
            "must be one for all hidden layers or one for each of 1",
        ),
        ({"activation": ["relo"]}, "did you mean 'relu'"),
        ({"dropout": [0.1, 0.2]}, "dropout: must be one for all"),
        ({"backend": "nubma"}, "'nubma' is not a backend"),
        ({"class_weight": {5: 1.0}}, r"class_weight: the classes, \[5\], are not in y"),
        ({"class_weight": {0: -1.0}}, "class_weight: must be finite .* at least 0, got -1.0"),
        ({"class_weight": {0: None}}, "class_weight: must be finite .*, got None of class 0"),
        ({"class_weight": {0: "x"}}, "class_weight: must be finite .*, got 'x' of class 0"),
        ({"n_ens": 2, "warm_start": True}, "n_ens: must be 1 for warm_start"),
        ({"n_ens": 2, "solver": "lbfgs"}, "n_ens: must be 1 for solver 'lbfgs'"),
        ({"hidden_layer_sizes": 10**9}, "at most"),
    ],
    ids=str,
)
def test_parameters_that_do_not_go_together_are_named(parameters, words):
    with (
        pytest.raises(ParameterError, match=words)
        if "class" not in words
        else pytest.raises(ValueError, match=words)
    ):
        MLPClassifier(**QUICK | parameters).fit(X, TWO)


def test_class_weights_are_of_one_class_a_row():
    with pytest.raises(ParameterError, match="class_weight: must be None for several labels"):
        MLPClassifier(**QUICK, class_weight="balanced").fit(X, LABELS)


WRONG_DATA = {
    "complex": (X + 1j, TWO),
    "missing": (np.where(X > 2, np.nan, X), TWO),
    "infinite": (np.where(X > 2, np.inf, X), TWO),
    "text": (X.astype(str).astype(object) + "a", TWO),
    "unequal": ([[1, 2], [3]], [0, 1]),
    "none": (None, TWO),
    "no_target": (X, None),
    "one_dimension": (X[:, 0], TWO),
    "no_rows": (X[:0], TWO[:0]),
    "fewer_targets": (X, TWO[:-1]),
    "sparse_missing": (sp.csr_array(np.where(X > 2, np.nan, X)), TWO),
    "numbers_as_classes": (X, NUMBER),
}


@pytest.mark.parametrize("name", WRONG_DATA)
def test_rows_that_cannot_be_learnt_are_refused_in_the_words_of_scikit_learn(name):
    with pytest.raises((ValueError, TypeError)) as wanted:
        original.MLPClassifier().fit(*WRONG_DATA[name])
    with pytest.raises(type(wanted.value)) as found:
        MLPClassifier().fit(*WRONG_DATA[name])
    theirs = str(wanted.value).replace("MLPClassifier", "")
    assert str(found.value).replace("MLPClassifier", "")[:60] == theirs[:60]


@pytest.mark.parametrize(
    "weights", [np.zeros(60), np.ones(59), -np.ones(60), np.full(60, np.nan), np.ones((60, 2))]
)
def test_sample_weights_that_cannot_be_used_are_refused(weights):
    with pytest.raises(ValueError, match=r"(?i)weight"):
        MLPRegressor(**QUICK).fit(X, NUMBER, sample_weight=weights)


def test_other_features_and_a_missing_fit_are_named():
    for method in ("predict", "predict_proba", "score"):
        args = (X, TWO) if method == "score" else (X,)
        with pytest.raises(NotFittedError, match="This MLPClassifier instance is not fitted yet"):
            getattr(MLPClassifier(), method)(*args)
    estimator = MLPClassifier(**QUICK).fit(X, TWO)
    for other in (X[:, :3], X[:1, :3]):
        with pytest.raises(ValueError, match=r"X has 3 features, but MLPClassifier is expecting 4"):
            estimator.predict(other)
        with pytest.raises(ValueError, match=r"X has 3 features, but MLPClassifier is expecting 4"):
            estimator.partial_fit(other, TWO[: len(other)])


@pytest.mark.parametrize("rows", [1, 60])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize(("bad", "words"), [(np.nan, "NaN"), (-np.inf, "infinity or a value")])
def test_numbers_that_are_not_finite_are_refused_in_the_words_of_scikit_learn(
    bad, words, method, rows
):
    estimator = MLPClassifier(**QUICK).fit(X, TWO)
    wrong = X[:rows].copy()
    wrong[0, 2] = bad
    with pytest.raises(ValueError, match=f"Input X contains {words}") as found:
        getattr(estimator, method)(wrong)
    assert found.value.__context__ is None


def test_logits_that_overflow_are_named():
    estimator = MLPRegressor(**QUICK, activation="identity").fit(X, NUMBER)
    estimator.coefs_[0][:] = 1e10
    for rows in (1, 60):
        with pytest.raises(DataError, match="the logits of row 0 .* overflow float64"):
            estimator.predict(X[:rows] * 1e300)


def test_new_classes_are_refused_where_a_training_goes_on():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier(**QUICK).partial_fit(X, NAMES)
    estimator = MLPClassifier(**QUICK).partial_fit(X, NAMES, classes=["ant", "bee", "cat"])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
        estimator.partial_fit(X[:1], np.array(["dog"]))
    with pytest.raises(ValueError, match=r"is not the same as on last call"):
        estimator.partial_fit(X, NAMES, classes=["ant", "bee"])
    with pytest.raises(ValueError, match="y_val: must hold classes of y"):
        MLPClassifier(**QUICK).fit(X, TWO, X_val=X, y_val=TWO + 1)


def test_validation_rows_of_other_columns_are_refused():
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 4"):
        MLPRegressor(**QUICK).fit(X, NUMBER, X_val=X[:, :3], y_val=NUMBER)
    with pytest.raises(ValueError, match="NaN"):
        MLPRegressor(**QUICK).fit(X, NUMBER, X_val=X * np.nan, y_val=NUMBER)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"X_val": X}, "y_val: must be given"),
        ({"y_val": TWO}, "X_val: must be given"),
        ({"sample_weight_val": np.ones(60)}, "X_val: must be given"),
    ],
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_validation_rows_come_with_their_targets(kind, given, words):
    with pytest.raises(ParameterError, match=words):
        kind(**QUICK).fit(X, TWO, **given)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_one_validation_row_has_no_r_squared(early_stopping):
    one = {"X_val": X[:1], "y_val": NUMBER[:1]}
    quick = QUICK | {"early_stopping": early_stopping}
    with pytest.raises(DataError, match=r"X_val: R\^2 needs at least 2 rows, got 1"):
        MLPRegressor(**quick).fit(X, NUMBER, **one)
    by_loss = MLPRegressor(**quick, monitor="loss").fit(X, NUMBER, **one)
    assert np.isfinite(by_loss.validation_loss_curve_).all()
    MLPClassifier(**quick).fit(X, TWO, X_val=X[:1], y_val=TWO[:1])
    MLPRegressor(**quick).fit(X, NUMBER, X_val=X[:2], y_val=NUMBER[:2])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_lbfgs_says_that_it_leaves_out_validation_rows(kind):
    alone = kind(**QUICK, solver="lbfgs").fit(X, TWO)
    with pytest.warns(UserWarning, match="X_val: solver 'lbfgs' has no epochs"):
        given = kind(**QUICK, solver="lbfgs").fit(X, TWO, X_val=X[:9], y_val=TWO[:9])
    np.testing.assert_array_equal(given.coefs_[0], alone.coefs_[0])


def test_a_missing_number_is_named_as_by_scikit_learn():
    with pytest.raises(ValueError, match="Input y contains NaN"):
        MLPRegressor(**QUICK).fit(X, np.where(X[:, 0] > 1, np.nan, NUMBER))


def test_held_out_rows_need_a_weight():
    estimator = MLPClassifier(**QUICK, early_stopping=True)
    with pytest.raises(DataError, match="that early stopping holds out have the weight 0"):
        estimator.fit(X, TWO, sample_weight=np.arange(60) < 1)


@pytest.mark.parametrize("shape", [(4,), (1, 1, 2, 2)])
def test_an_image_has_two_or_three_dimensions(shape):
    with pytest.raises(ParameterError, match="input_shape: must be .height, width."):
        CNNClassifier(shape).fit(X, TWO)
    CNNClassifier(np.array([2, 2]), max_iter=1).fit(X, TWO)


@pytest.mark.parametrize("sizes", [(3.5,), ["a"], np.array([[3, 2]])])
def test_layers_have_whole_numbers_of_units(sizes):
    with pytest.raises(ParameterError, match="hidden_layer_sizes: must be whole numbers"):
        MLPRegressor(hidden_layer_sizes=sizes).fit(X, NUMBER)


def test_a_fit_that_fails_leaves_the_estimator_as_it_was():
    estimator = MLPClassifier(**QUICK).fit(X, TWO)
    before = estimator.predict(X)
    with pytest.raises(ParameterError):
        estimator.set_params(backend="nubma").fit(X[:, :3], NAMES)
    np.testing.assert_array_equal(estimator.predict(X), before)
    np.testing.assert_array_equal(estimator.classes_, [0, 1])


def test_counts_below_zero_and_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match="poisson takes targets of at least 0"):
        MLPRegressor(**QUICK, loss="poisson").fit(X, NUMBER)
    with pytest.raises(ValueError, match="784"):
        CNNClassifier((28, 28)).fit(X, TWO)


@pytest.mark.parametrize(
    ("estimator", "remedy"),
    [
        (CNNClassifier(), r"given input_shape=\(height, width\) or \(channels, height, width\)"),
        (NeuralNetClassifier(), "given a whole samplewise.Network"),
    ],
)
def test_images_without_a_shape_are_refused_with_the_argument_that_gives_it(estimator, remedy):
    with pytest.raises(ValueError, match=remedy):
        estimator.fit(X.reshape(len(X), 2, -1), TWO)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_flat_rows_that_are_no_squares_are_images_of_one_line_with_a_warning():
    given, message = CNNClassifier(max_iter=1), "rows of 3 values .* 1 x 3 pixels; give input_shape"
    with pytest.warns(SamplewiseWarning, match=message) as caught:
        assert given.fit(X[:, :3], TWO).model_.network.input_shape == (1, 1, 3)
    assert {one.filename for one in caught} == {__file__}
    # Warnings are errors.
    given.fit(X, TWO)
    given.set_params(input_shape=(1, 3)).fit(X[:, :3], TWO)


def test_early_stopping_needs_a_backend_that_trains_an_ensemble_at_once():
    estimator = MLPClassifier(**QUICK, n_ens=2, early_stopping=True, backend="vectorized")
    with pytest.raises(ParameterError, match="choose a backend that trains several at once"):
        estimator.fit(X, TWO)


def test_every_error_of_ours_is_a_value_error():
    assert issubclass(samplewise.errors.ParameterError, ValueError)
    assert issubclass(samplewise.errors.DataError, ValueError)


def test_a_single_row_that_is_held_out_is_too_few():
    early = QUICK | {"early_stopping": True, "validation_fraction": 0.1}
    for module in (original, samplewise):
        with pytest.raises(ValueError, match="The validation set is too small"):
            module.MLPRegressor(**early).fit(X[:10], NUMBER[:10])
        module.MLPRegressor(**early).fit(X[:11], NUMBER[:11])
