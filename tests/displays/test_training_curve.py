"""The figures of each epoch as curves."""

import json
import warnings
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import samplewise
from samplewise import TrainingCurveDisplay
from samplewise.errors import ParameterError

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0) * 1


def result(**options):
    settings = {"epochs": 4, "backend": "vectorized", "batch_size": 8, **options}
    network = samplewise.multilayer_perceptron(3, (4,), 1)
    return samplewise.train(network, X, Y, samplewise.TrainingSettings.from_options(**settings))


def drawn(display):
    """The labels of the legend, and the points of each line."""
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    return labels, [line.get_ydata().tolist() for line in display.lines_]


def test_the_legend_of_many_trainings_stands_beside_the_curves():
    history = result(validation_fraction=0.3, keep_best=True).history
    _, ax = plt.subplots(layout="constrained")
    for number in range(4):
        TrainingCurveDisplay.from_history(history, ax=ax, name=f"network {number}")
        ax.figure.draw_without_rendering()
        legend, curves = (part.get_window_extent() for part in (ax.get_legend(), ax))
        assert (legend.x0 >= curves.x1) == (number == 3)


def test_losses_of_training_and_validation_and_the_epoch_kept():
    history = result(validation_fraction=0.3, keep_best=True).history
    display = TrainingCurveDisplay.from_history(history)
    labels, lines = drawn(display)
    assert labels == ["training", "validation", f"weights kept: epoch {history.best_epoch}"]
    assert lines == [history.losses, history.validation_losses]
    assert display.lines_[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    best = display.ax_.lines[-1]
    assert best.get_xdata() == [history.best_epoch]
    display.figure_.canvas.draw()  # without a warning
    assert best.get_ydata() == [history.validation_losses[history.best_epoch - 1]]


def test_the_values_of_a_file_are_drawn_as_the_history():
    history = result(validation_fraction=0.3, keep_best=True).history
    of_file = TrainingCurveDisplay.from_history(json.loads(history.to_json()))
    assert drawn(of_file) == drawn(TrainingCurveDisplay.from_history(history))


def test_without_validation_rows_there_is_one_curve():
    found = result()
    labels, lines = drawn(TrainingCurveDisplay.from_history(found))
    assert labels == ["training"]
    assert lines == [found.history.losses]


def test_two_trainings_share_an_axes_with_their_names():
    _, ax = plt.subplots()
    for name in ("one", "two"):
        display = TrainingCurveDisplay.from_history(result(), figure="accuracy", name=name, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert drawn(display)[0] == ["one, training", "two, training"]
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    assert ax.get_ylabel() == "accuracy"


def test_a_metric_is_found_by_its_name():
    metrics = {"misses": lambda y, p: float((y != p.argmax(axis=1)).sum())}
    settings = samplewise.TrainingSettings.from_options(
        epochs=2, backend="vectorized", validation_fraction=0.3
    )
    network = samplewise.multilayer_perceptron(3, (4,), 1)
    found = samplewise.train(network, X, Y, settings, metrics=metrics)
    wanted = [record.metrics["misses"] for record in found.history.epochs]
    for name in ("misses", "validation_misses"):
        labels, lines = drawn(TrainingCurveDisplay.from_history(found, figure=name))
        assert (labels, lines) == (["validation"], [wanted])
    with pytest.raises(ParameterError, match=r"no figure 'hits'; use one of .*validation_misses"):
        TrainingCurveDisplay.from_history(found, figure="hits")


def test_the_table_of_an_estimator_is_drawn():
    table = [{"epoch": 1, "loss": 3.0, "validation_loss": 4.0}, {"epoch": 2, "loss": 2.0}]
    estimator = SimpleNamespace(history_=table, best_epoch_=1)
    labels, lines = drawn(TrainingCurveDisplay.from_estimator(estimator))
    assert labels == ["training", "validation", "weights kept: epoch 1"]
    np.testing.assert_array_equal(lines, [[3, 2], [4, np.nan]])
    assert drawn(TrainingCurveDisplay.from_history(table))[1][0] == [3, 2]


def test_an_estimator_of_scikit_learns_own_is_drawn():
    estimator = make_pipeline(StandardScaler(), MLPClassifier(early_stopping=True, max_iter=3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X, Y)
    assert drawn(TrainingCurveDisplay.from_estimator(estimator))[1] == [estimator[-1].loss_curve_]
    display = TrainingCurveDisplay.from_estimator(estimator, figure="validation_score")
    assert drawn(display) == (["validation"], [estimator[-1].validation_scores_])
    assert display.ax_.get_ylabel() == "score"


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: TrainingCurveDisplay.from_estimator(MLPClassifier()), "neither history_ nor loss"),
        (lambda: TrainingCurveDisplay.from_history([3]), r"history must be .* got \[3\]"),
        (lambda: TrainingCurveDisplay.from_history([]), "this one ran no epoch"),
        (
            lambda: TrainingCurveDisplay.from_history([{"loss": 1, "epoch": 1}], ax=3),
            "ax must be .* got 3",
        ),
    ],
)
def test_a_wrong_argument_is_named(draw, message):
    with pytest.raises(ParameterError, match=f"TrainingCurveDisplay: .*{message}"):
        draw()
