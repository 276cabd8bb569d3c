"""Targets that a network may learn: classes, one-hot rows, numbers, counts, and labels."""

import csv
import io
import json

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import CombinationError, DataError, ParameterError
from samplewise.model.model import Model
from samplewise.network import loss_named, multilayer_perceptron
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

MAP = np.random.default_rng(5).standard_normal((4, 2))
THREE = multilayer_perceptron(4, (3,), 3)
TWO = multilayer_perceptron(4, (), 2)
ONE = multilayer_perceptron(4, (), 1)


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", "epochs": 3, **changes})


def model(network, result, names=()):
    return Model(network, result.loss, result.parameters, names, Preprocessing("none"), None, "x")


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("network", [NETWORK, THREE], ids=str)
def test_one_hot_rows_train_as_class_indices_do(network, smoothing):
    classes = LABELS if network is NETWORK else np.arange(50) % 3
    chosen = settings(label_smoothing=smoothing)
    by_index = train(network, X, classes, chosen)
    for dtype in (int, bool, np.float32):
        by_row = train(network, X, np.eye(classes.max() + 1, dtype=dtype)[classes], chosen)
        np.testing.assert_array_equal(by_row.parameters, by_index.parameters)
        assert [one.accuracy for one in by_row.history.epochs] == [
            one.accuracy for one in by_index.history.epochs
        ]


@pytest.mark.parametrize("names", [("a", "\u00e9"), ("a", "e\u0301")])
def test_names_of_classes_are_found_in_either_unicode_form(names):
    wanted = train(NETWORK, X, LABELS, settings(class_weight={1: 3}))
    for text in ("\u00e9", "e\u0301"):
        chosen = settings(class_weight={text: 3})
        got = train(NETWORK, X, np.array(["a", text])[LABELS], chosen, class_names=names)
        np.testing.assert_array_equal(got.parameters, wanted.parameters)
        assert got.model().class_names == names


def test_one_name_in_two_unicode_forms_names_no_two_classes():
    twice = ["\u00e9", "e\u0301"]
    with pytest.raises(ParameterError, match="must be 2 different texts"):
        train(NETWORK, X, LABELS, settings(), class_names=twice)
    with pytest.raises(ParameterError, match="names class \u00e9 twice"):
        settings(class_weight=dict.fromkeys(twice, 2))


def test_the_sum_of_a_one_hot_row_may_miss_1_by_rounding_only():
    rows = np.array([[0.25, 0.75], [0.5, 0.5]] * 25)
    once = TrainingSettings(backend="reference", epochs=1)
    train(NETWORK, X, rows + np.array([5e-5, 0]), once)
    with pytest.raises(DataError, match="sums to 1"):
        train(NETWORK, X, rows + np.array([2e-4, 0]), once)


def test_rows_may_be_probabilities():
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    result = train(THREE, X, rows, settings(epochs=200, batch_size=10))
    held = (model(THREE, result, ("a", "b", "c")).predict(X) == rows.argmax(axis=1)).mean()
    assert held == result.history.epochs[-1].accuracy


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
@pytest.mark.parametrize("loss", ["mean_squared_error", "mean_absolute_error", "huber"])
def test_numbers_are_learnt_and_have_no_accuracy(loss, backend):
    values = X @ MAP + 3
    chosen = settings(
        loss=loss, epochs=150, backend=backend, batch_size=5, optimizer="adam", learning_rate=0.05
    )
    result = train(TWO, X, values, chosen)
    assert result.loss.name == result.history.settings["loss"] == loss
    errors = np.abs(model(TWO, result).predict(X) - values)
    assert errors.mean() < 0.1 * np.abs(values - values.mean(axis=0)).mean()
    assert {record.accuracy for record in result.history.epochs} == {None}
    assert json.loads(result.history.to_json())["epochs"][0]["accuracy"] is None
    assert next(csv.DictReader(io.StringIO(result.history.to_csv())))["accuracy"] == ""


def test_one_output_takes_a_row_of_numbers_or_a_column():
    values = X @ MAP[:, 0]
    chosen = settings(loss="mean_squared_error", learning_rate=0.01)
    results = [train(ONE, X, given, chosen) for given in (values, values[:, None])]
    np.testing.assert_array_equal(results[0].parameters, results[1].parameters)
    assert model(ONE, results[0]).predict(X).shape == (50,)


def test_least_squares_are_found():
    network, values = multilayer_perceptron(4, (), 2), X @ MAP + 1.5
    chosen = settings(
        loss="mean_squared_error", epochs=300, batch_size=50, learning_rate=0.3, init="zeros"
    )
    predicted = model(network, train(network, X, values, chosen)).predict(X)
    np.testing.assert_allclose(predicted, values, rtol=1e-6, atol=1e-6)


def test_counts_are_predicted_by_their_mean():
    rates = np.exp(X @ MAP[:, 0] * 0.5)
    counts = np.random.default_rng(1).poisson(rates)
    chosen = settings(loss="poisson", epochs=100, batch_size=10, learning_rate=0.05)
    result = train(ONE, X, counts, chosen)
    made = model(ONE, result)
    np.testing.assert_array_equal(made.predict(X), np.exp(made.logits(X)[:, 0]))
    assert made.predict(X).mean() == pytest.approx(counts.mean(), rel=0.1)


def test_labels_that_may_hold_at_once_have_probabilities_and_an_accuracy():
    flags = X @ MAP > 0
    chosen = settings(loss="multi_label_cross_entropy", epochs=30, batch_size=5, learning_rate=0.5)
    result = train(TWO, X, flags, chosen)
    made = model(TWO, result, ("wet", "cold"))
    chances = made.predict(X)
    np.testing.assert_array_equal(chances, made.probabilities(X))
    assert result.history.epochs[-1].accuracy == ((chances > 0.5) == flags).mean() > 0.9


@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_a_model_of_numbers_has_no_probabilities_and_refuses_what_overflows():
    result = train(ONE, X, np.abs(X[:, 0]), settings(loss="poisson", init="zeros"))
    made = model(ONE, result)
    with pytest.raises(ParameterError, match="poisson predicts numbers"):
        made.probabilities(X)
    with pytest.raises(DataError, match="logits of row 2 .* overflow"):
        made.predict(np.array([1.0, -1e5, 1e5])[:, None] * np.sign(result.parameters[:4]))


@pytest.mark.parametrize(
    ("network", "loss", "targets", "message"),
    [
        (THREE, "auto", np.eye(4)[LABELS], r"shape \(50, 4\); expected one-hot rows \(50, 3\)"),
        (NETWORK, "auto", np.eye(3)[LABELS], r"shape \(50, 3\); expected one-hot rows \(50, 2\)"),
        (THREE, "auto", np.full((50, 3), 0.4), r"row 0 .* sum 1.2; a one-hot row"),
        (THREE, "auto", np.tile([-1, 1, 1], (50, 1)), "row 0 .* smallest value -1"),
        (THREE, "auto", np.eye(3)[LABELS] * np.nan, "targets: 150 values are NaN"),
        (
            THREE,
            "auto",
            np.eye(3)[LABELS].astype(str),
            "targets hold text, such as '1.0'",
        ),
        (NETWORK, "auto", LABELS * 0.5, "to learn numbers, choose a loss such as"),
        (TWO, "huber", X[:, 0], r"shape \(50,\); huber with 2 outputs learns \(50, 2\); reshape"),
        (ONE, "huber", X[:7, 0], r"learns \(50, 1\) or \(50,\); give a target for each row"),
        (ONE, "huber", [], r"learns \(50, 1\) or \(50,\); give a target for each row"),
        (ONE, "huber", X, r"huber with 1 output learns \(50, 1\) or \(50,\)"),
        (ONE, "huber", X[:, 0].astype(complex), "targets hold complex128 values"),
        (TWO, "huber", np.where(X > 2, np.inf, X)[:, :2], r"inf.*row \d+, column \d"),
        (ONE, "poisson", X[:, 0], "poisson takes targets of at least 0"),
        (TWO, "multi_label_cross_entropy", LABELS[:, None] * [1, 2], "takes targets from 0 to 1"),
    ],
)
def test_targets_that_the_loss_cannot_learn_are_refused(network, loss, targets, message):
    with pytest.raises(DataError, match=message):
        train(network, X, targets, settings(loss=loss))


@pytest.mark.filterwarnings("ignore:targets have a mean|the network did not")
def test_a_number_too_large_for_float32_is_refused_there_only():
    values = np.where(np.arange(50) == 3, 1e300, 0.0)
    with pytest.raises(DataError, match=r"targets as float32: .* row 3, column 0"):
        train(ONE, X, values, settings(loss="mean_absolute_error", dtype="float32"))
    train(ONE, X, values, settings(loss="mean_absolute_error"))


def test_networks_at_once_share_targets_and_the_options_of_their_loss():
    values = X @ MAP
    chosen = [settings(loss="huber", delta=0.5, learning_rate=rate) for rate in (0.01, 0.1)]
    results = train_many([TWO, TWO], X, values, chosen)
    for own, result in zip(chosen, results, strict=True):
        alone = train(TWO, X, values, own)
        np.testing.assert_array_equal(result.parameters, alone.parameters)
        assert result.loss.delta == 0.5
    with pytest.raises(ParameterError, match="'delta': 0.1.*, but .*'delta': 0.5"):
        train_many([TWO, TWO], X, values, [chosen[0], settings(loss="huber", delta=0.1)])


def test_the_options_of_a_loss_change_what_is_learnt():
    values = X @ MAP
    for options in ({"loss": "huber", "delta": 0.1}, {"loss": "huber", "delta": 10}):
        result = train(TWO, X, values, settings(**options, init="zeros", batch_size=50, epochs=1))
        assert result.loss.delta == options["delta"]
        want = np.clip(values, -options["delta"], options["delta"])
        bias = TWO.layout.views(result.parameters)["0.bias"]
        np.testing.assert_allclose(bias, 0.1 * want.mean(axis=0) / 2)
    labels = np.arange(len(X)) % 3
    smooth = train(THREE, X, labels, settings(label_smoothing=0.3))
    assert smooth.loss.label_smoothing == 0.3
    assert (smooth.parameters != train(THREE, X, labels, settings()).parameters).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"delta": 1.0}, "delta is 1.0, but loss auto has no delta; it is an option of huber"),
        (
            {"loss": "huber", "label_smoothing": 0.1},
            "huber has no label_smoothing; it is an option of auto, binary_cross_entropy",
        ),
        ({"loss": "poisson", "delta": 2}, "loss poisson has no delta; it is an option of huber"),
    ],
)
def test_an_option_that_the_loss_does_not_have_is_refused(changes, message):
    with pytest.raises(CombinationError, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"loss": "huber", "delta": 0},
        {"loss": "huber", "delta": "1"},
    ],
)
def test_an_option_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=list(wrong)[-1]):
        settings(**wrong)


def test_every_loss_decides_or_has_no_accuracy():
    decided = loss_named("multi_label_cross_entropy").decisions(np.array([[0.5, 0.6]]))
    assert decided.tolist() == [[False, True]]
    assert loss_named("huber").decisions(np.array([[0.5]])) is None
