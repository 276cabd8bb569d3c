"""scikit-learn's perceptrons and models become one another, with the same predictions."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import samplewise
from samplewise import Dense, Dropout, Model, Network, from_sklearn, to_sklearn
from samplewise.data.columns import CATEGORY, Column
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError
from samplewise.network.losses import LOSSES, ClassLoss, loss_named

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 5))
BINARY, MANY = X[:, 0] > 0, RNG.integers(0, 4, 60)
LABELS = (X[:, :3] > 0).astype(int)
NUMBERS = X[:, :2] * 3 + 1
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def fitted(estimator, y, rows=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(rows, y)


def classifier(y=MANY, rows=X, **settings):
    return fitted(MLPClassifier((7, 4), max_iter=3, random_state=0, **settings), y, rows)


def regressor(y=NUMBERS, **settings):
    return fitted(MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, random_state=0, **settings), y)


SMALL = Dense(4, "tanh"), Dense(1)


def model(loss="binary_cross_entropy", layers=SMALL, **others):
    """A model of random weights."""
    network = Network((5,), layers)
    parameters = network.layout.zeros(others.pop("dtype", np.float64))
    for view in network.layout.views(parameters).values():
        view[...] = np.random.default_rng(1).normal(size=view.shape)
    loss = loss_named(loss) if isinstance(loss, str) else loss
    names = tuple(map(str, range(max(network.outputs, 2)))) if isinstance(loss, ClassLoss) else ()
    settings = {"class_names": names, "preprocessing": Preprocessing("none")}
    made = {**settings, "image_shape": None, "trained_on": "arrays", **others}
    return Model(network, loss, parameters, **made)


def assert_same_classes(estimator, found, rows=X):
    np.testing.assert_allclose(found.probabilities(rows), estimator.predict_proba(rows), **EXACT)
    labels = np.array([str(label) for label in estimator.classes_.tolist()])
    assert list(found.class_names) == list(labels)
    np.testing.assert_array_equal(
        labels[found.predict(rows)], [str(one) for one in estimator.predict(rows).tolist()]
    )


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("y", [BINARY, MANY, np.array(["b", "a", "c"])[MANY % 3]])
def test_a_classifier_predicts_the_same_as_a_model(activation, y):
    estimator = classifier(y, activation=activation)
    assert_same_classes(estimator, from_sklearn(estimator))


@pytest.mark.parametrize("y", [NUMBERS, NUMBERS[:, 0]], ids=["two outputs", "one output"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_regressor_predicts_the_same_as_a_model(y, loss):
    estimator = regressor(np.abs(y), loss=loss)
    found = from_sklearn(estimator)
    np.testing.assert_allclose(found.predict(X), estimator.predict(X), **EXACT)
    again = to_sklearn(found)
    np.testing.assert_allclose(again.predict(X), estimator.predict(X), **EXACT)
    assert again.loss == loss


def test_a_multi_label_classifier_predicts_the_same_as_a_model():
    estimator = classifier(LABELS)
    found = from_sklearn(estimator)
    np.testing.assert_allclose(found.probabilities(X), estimator.predict_proba(X), **EXACT)
    again = to_sklearn(found)
    np.testing.assert_allclose(again.predict_proba(X), estimator.predict_proba(X), **EXACT)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    again.partial_fit(X, LABELS)


@pytest.mark.parametrize(
    "y",
    [BINARY, MANY, MANY * 50.0 - 100, np.array(["n", "y"])[BINARY * 1], MANY % 2],
    ids=["bool", "ints", "floats", "text", "two"],
)
def test_a_classifier_comes_back_with_its_labels_and_learns_on(y):
    estimator = classifier(y)
    again = to_sklearn(from_sklearn(estimator))
    np.testing.assert_array_equal(again.classes_, estimator.classes_)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    np.testing.assert_allclose(again.predict_proba(X), estimator.predict_proba(X), **EXACT)
    before = again.score(X, y)
    again.learning_rate_init = 0.01
    for _ in range(20):
        again.partial_fit(X, y)
    assert again.score(X, y) > before
    assert len(again.loss_curve_) == 20


def test_a_perceptron_comes_back_as_scikit_learn_itself_would_have_left_it():
    wanted, found = classifier(), to_sklearn(from_sklearn(classifier()))
    of_fits = {"loss_", "_optimizer"}
    assert set(vars(wanted)) - set(vars(found)) <= of_fits
    for ours, theirs in zip(found.coefs_, wanted.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert found.get_params()["random_state"] is None
    again = fitted(found.set_params(warm_start=True, max_iter=2), MANY)
    assert again.n_iter_ == 2


def test_no_number_is_drawn_from_numpys_global_generator():
    np.random.seed(5)  # noqa: NPY002
    wanted = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    to_sklearn(model())
    assert np.random.random() == wanted  # noqa: NPY002


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_model_of_two_classes_has_one_output_there(outputs):
    loss = "binary_cross_entropy" if outputs == 1 else "categorical_cross_entropy"
    given = model(loss, (Dense(4, "tanh"), Dense(outputs)), class_names=("no", "yes"))
    found = to_sklearn(given)
    assert found.n_outputs_ == 1
    assert_same_classes(found, given)


def test_classes_in_another_order_are_sorted_with_their_outputs():
    three = model("categorical_cross_entropy", (Dense(3),), class_names=("c", "a", "b"))
    found = to_sklearn(three)
    assert list(found.classes_) == ["a", "b", "c"]
    np.testing.assert_allclose(
        found.predict_proba(X), three.probabilities(X)[:, [1, 2, 0]], **EXACT
    )
    two = model(class_names=("z", "y"))
    np.testing.assert_allclose(
        to_sklearn(two).predict_proba(X), two.probabilities(X)[:, ::-1], **EXACT
    )
    named = to_sklearn(two, classes=[2.0, 5.0])
    assert set(named.predict(X)) <= {2.0, 5.0}
    np.testing.assert_allclose(named.predict_proba(X), two.probabilities(X), **EXACT)


def test_names_that_are_not_plain_numbers_stay_texts():
    assert to_sklearn(model(class_names=("007", "8"))).classes_.tolist() == ["007", "8"]
    assert to_sklearn(model(class_names=("-1", "1"))).classes_.tolist() == [-1, 1]


def test_float32_stays_float32():
    estimator = classifier(rows=X.astype(np.float32))
    found = from_sklearn(estimator)
    assert found.parameters.dtype == np.float32
    assert to_sklearn(found).coefs_[0].dtype == np.float32


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False)]
)
def test_a_scaler_becomes_the_preprocessing_and_back(scaler):
    rows = X * 10 + 7
    estimator = fitted(make_pipeline(scaler, MLPClassifier(max_iter=2)), MANY, rows)
    found = from_sklearn(estimator)
    assert_same_classes(estimator, found, rows)
    again = to_sklearn(found)
    np.testing.assert_array_equal(again.predict(rows), estimator.predict(rows))
    np.testing.assert_allclose(again.predict_proba(rows), estimator.predict_proba(rows), **EXACT)


def test_pixels_are_divided_by_white_there_too():
    given = model(preprocessing=Preprocessing("scale", full_scale=255.0))
    found, rows = to_sklearn(given), np.abs(X) * 100
    np.testing.assert_allclose(found.predict_proba(rows), given.probabilities(rows), **EXACT)


def test_feature_names_are_columns_and_back():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    estimator = classifier(rows=frame)
    found = from_sklearn(estimator)
    assert [column.name for column in found.columns] == list("abcde")
    wanted = estimator.predict_proba(frame)
    np.testing.assert_allclose(found.probabilities(frame[list("edcba")]), wanted, **EXACT)
    again = to_sklearn(found)
    np.testing.assert_allclose(again.predict_proba(frame), wanted, **EXACT)
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[list("edcba")])


def test_columns_become_feature_names_without_pandas():
    given = model(columns=tuple(Column(name) for name in "abcde"))
    assert list(to_sklearn(given).feature_names_in_) == list("abcde")


class WithModel:
    """As an estimator of samplewise's own."""

    model_ = None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (MLPClassifier(), "the MLPClassifier is not fitted; call its method fit"),
        (StandardScaler(), "expected an MLPClassifier or MLPRegressor .* got StandardScaler"),
        (make_pipeline(StandardScaler()), "got StandardScaler"),
        (make_pipeline(MinMaxScaler(), MLPClassifier()), "got MinMaxScaler and MLPClassifier"),
        (3, "got int$"),
        (WithModel(), "got WithModel; it has a model already, model_"),
    ],
)
def test_another_estimator_is_refused(given, message):
    with pytest.raises(ParameterError, match=f"from_sklearn: .*{message}"):
        from_sklearn(given)


def test_an_activation_that_a_user_put_into_scikit_learn_is_refused():
    fitted = classifier()
    fitted.activation = "softsign"
    with pytest.raises(ParameterError, match="activation must be one of .*, got 'softsign'"):
        from_sklearn(fitted)


def test_weights_and_classes_that_make_no_model_are_refused():
    with pytest.raises(ParameterError, match="knows one class only, '1'; fit it to rows of two"):
        from_sklearn(classifier(np.ones(60, int)))
    changed = classifier()
    changed.intercepts_[1] = np.zeros(9)
    with pytest.raises(
        DataError, match=r"'intercepts_\[1\]' has shape \(9,\), but .* \(4,\) there"
    ):
        from_sklearn(changed)
    changed.intercepts_[1] = np.full(4, np.nan)
    with pytest.raises(DataError, match=r"'intercepts_\[1\]' holds NaN"):
        from_sklearn(changed)


CONV = Network((1, 4, 4), (samplewise.Conv2D(2, 3), Dense(1)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (model(layers=(Dense(3, "silu"), Dense(1))), "have the activation silu, but"),
        (model(layers=(Dense(3, "relu"), Dense(3, "tanh"), Dense(1))), "activation relu and tanh"),
        (model(layers=(Dense(3, "relu"), Dropout(0.2), Dense(1))), r"layer 1 is Dropout\(rate=0.2"),
        (model("huber"), r"the loss Huber\(delta=1.0\) is not one"),
        (model("mean_absolute_error"), "the loss MeanAbsoluteError"),
        (model(LOSSES["binary_cross_entropy"](label_smoothing=0.1)), "label_smoothing=0.1"),
        (model("multi_label_cross_entropy"), "have two labels or more, got one"),
        (model(preprocessing=Preprocessing("standardize")), "each image over its own pixels"),
        (
            model(columns=(Column("c", CATEGORY, tuple("vwxyz")),)),
            "the columns c of the model hold",
        ),
        (
            Model(
                CONV,
                loss_named("binary_cross_entropy"),
                CONV.layout.zeros(np.float64),
                ("a", "b"),
                Preprocessing("none"),
                None,
                "arrays",
            ),
            "layer 0 is Conv2D",
        ),
    ],
)
def test_a_model_that_scikit_learn_has_no_words_for_is_refused(given, message):
    with pytest.raises(ParameterError, match=f"to_sklearn: .*{message}"):
        to_sklearn(given)


@pytest.mark.parametrize("classes", [["a"], ["a", "a"], 3, [0.5, 1.5], [{}, 1]])
def test_labels_must_be_as_many_as_classes(classes):
    with pytest.raises(ParameterError, match="to_sklearn: classes must be 2 different labels"):
        to_sklearn(model(), classes=classes)
