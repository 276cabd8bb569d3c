"""Every figure of extreme numbers: without a warning, and with the points where they belong."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from samplewise import TrainingCurveDisplay, WeightsDisplay
from samplewise.plots import figures, rates, sweeps
from samplewise.plots.limits import drawn, logarithmic_limits
from samplewise.plots.training_curves import training_curves

NUMBERS = {
    "one": [0.1],
    "equal": [0.1, 0.1],
    "zeros": [0.0, 0.0],
    "huge": [0.1, 1e300],
    "equal_huge": [1.7e308, 1.7e308],
    "all": [-1.7e308, 1.7e308],
    "decades": [1e-300, 1e300],
    "smallest": [5e-324, 1.0],
    "small": [1e-300, 1e-299],
    "negative": [-1e300, -1.0],
    "neighbours": [1.0, 1.0000000000000002],
}


@pytest.fixture
def shown(monkeypatch):
    """Return the figures that were drawn."""
    found, save = [], Figure.savefig

    def kept(figure, *args, **options):
        found.append(figure)
        save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    return found


FIGURES = {
    "factor": lambda v: sweeps.against_factor(
        v, [0.5] * len(v), [0.0] * len(v), ("learning_rate", "test_loss"), "t"
    ),
    "metric": lambda v: sweeps.against_factor(
        range(len(v)), v, np.abs(v).tolist(), ("hidden", "test_loss"), "t"
    ),
    "cells": lambda v: sweeps.heat_map(
        np.array([v, [np.nan] * len(v)]),
        ("a", ["1", "2"]),
        ("b", [str(one) for one in v]),
        "loss",
        "t",
        greater_is_better=False,
    ),
    "lines": lambda v: sweeps.parallel_coordinates(
        {"x": v * 3, "loss": v * 3}, "t", greater_is_better=False
    ),
    "losses": lambda v: figures.loss_curves({"a": v}, "t", {"a": [v, v]}),
    "training": lambda v: training_curves({"a": [v], "b": [v]}, {"a": [[0.5]]}, "t"),
    "rates": lambda v: rates.rate_sweep(sorted(np.abs(v) + 1e-300), v, v, abs(v[0]) + 1e-300, "t"),
    "images": lambda v: figures.predicted_images(np.resize(v, (2, 2, 2)), ["a", "b"], "t"),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_figures_of_pages(figure, numbers, shown):
    """Warnings are errors here."""
    FIGURES[figure](NUMBERS[numbers])
    for axes in shown[0].axes:
        lines = [line.get_xydata() for line in axes.lines if line.get_marker() != "None"]
        for x, y in np.concatenate([*lines, np.empty((0, 2))]):
            low, high = axes.get_xlim()
            assert low <= x <= high
            low, high = axes.get_ylim()
            assert low <= y <= high


@pytest.mark.parametrize("numbers", NUMBERS)
def test_displays_draw_numbers_of_any_size(numbers):
    values = NUMBERS[numbers]
    try:
        figure, (left, right) = plt.subplots(1, 2)
        curves = {"training": [*values, np.nan, np.inf]}
        TrainingCurveDisplay(range(len(values) + 2), curves, best_epoch=0).plot(left)
        WeightsDisplay(np.resize(values, (2, 2, 2)), [0, 1]).plot(right)
        figure.canvas.draw()
    finally:
        plt.close("all")


def test_numbers_beyond_are_drawn_at_the_edge_and_others_as_they_are():
    given = [-1.7e308, -2.0, 0.0, 5e-324, 1e299, 1.7e308, np.inf, np.nan]
    expected = [-1e300, -2.0, 0.0, 5e-324, 1e299, 1e300, np.inf, np.nan]
    np.testing.assert_array_equal(drawn(given), expected)


def test_a_logarithmic_axis_has_a_margin_within_the_numbers():
    assert logarithmic_limits(1.0, 1e20) == pytest.approx((0.1, 1e21))
    assert logarithmic_limits(1.0, 1.0) == pytest.approx((10**-0.3, 10**0.3))
    low, high = logarithmic_limits(5e-324, 1e300)
    assert (low, high) == (5e-324, 1e308)


def test_small_values_of_a_factor_stand_apart(shown):
    names = ("learning_rate", "test_loss")
    sweeps.against_factor([1e-300, 1e-299], [0.5, 0.6], [0.0, 0.0], names, "t")
    (axes,) = shown[0].axes
    low, high = axes.get_xlim()
    assert 0 < low < 1e-300 < 1e-299 < high < 1e-298


@pytest.mark.parametrize(
    ("values", "scale"),
    [([0.01, 0.03, 0.1, 0.3], "log"), ([0.1, 2.0], "linear"), ([0, 9], "linear")],
)
def test_an_axis_is_logarithmic_where_values_span_a_factor_of_more_than_20(shown, values, scale):
    same = [0.5] * len(values)
    sweeps.against_factor(values, same, same, ("learning_rate", "test_loss"), "t")
    assert shown[0].axes[0].get_xscale() == scale


@pytest.mark.parametrize(
    ("metric", "ends"),
    [
        ("test_accuracy", [[0.88, 1.0], [0.8, 1.0], [0.0, 0.15]]),
        ("validation_accuracy", [[0.88, 1.0], [0.8, 1.0], [0.0, 0.15]]),
        ("test_r2", [[0.88, 1.0], [0.8, 1.0], [-0.05, 0.15]]),
        ("test_rmse", [[0.88, 1.08], [0.8, 1.2], [0.0, 0.15]]),
        ("test_mae", [[0.88, 1.08], [0.8, 1.2], [0.0, 0.15]]),
        ("test_loss", [[0.88, 1.08], [0.8, 1.2], [-0.05, 0.15]]),
    ],
)
def test_an_interval_ends_in_the_frame_and_where_its_metric_does(shown, metric, ends):
    sweeps.against_factor([1, 2, 3], [0.98, 1.0, 0.05], [0.1, 0.2, 0.1], ("epochs", metric), "t")
    (axes,) = shown[0].axes
    (bars,) = axes.collections
    found = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(found, ends, atol=1e-12)
    low, high = axes.get_ylim()
    assert low < found.min() <= found.max() < high
    if metric.endswith(("accuracy", "r2")):
        assert max(axes.get_yticks()) <= 1
