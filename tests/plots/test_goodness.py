"""The colours of a metric: the same in every picture of a sweep, and readable in grey."""

import io

import numpy as np
import pytest
from PIL import Image

from samplewise.plots import sweeps
from samplewise.plots.figures import GRID, PlainLogFormatter, plain_logarithmic, styled_figure
from samplewise.plots.sweeps import heat_map, parallel_coordinates

GREY = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("greater_is_better", [True, False])
@pytest.mark.parametrize("values", [np.linspace(0.5, 1, 9), np.geomspace(0.01, 10, 9)])
def test_the_better_the_darker_in_grey_too(values, greater_is_better):
    scale = sweeps.goodness_scale(values[0], values[-1], greater_is_better=greater_is_better)
    lightness = scale.to_rgba(values)[:, :3] @ GREY
    steps = np.diff(lightness if greater_is_better else lightness[::-1])
    assert (steps < 0).all()
    assert lightness.max() < 0.8, "too pale for a line on white"


@pytest.mark.parametrize(("color", "ink"), [((1, 1, 1, 1), "black"), ((0.2, 0.1, 0.3, 1), "white")])
def test_a_number_is_readable_on_its_cell(color, ink):
    assert sweeps.ink_on(color) == ink


def test_both_pictures_of_a_sweep_take_these_colours(monkeypatch):
    asked = []
    scale = sweeps.goodness_scale

    def noted(low, high, *, greater_is_better):
        asked.append((low, high, greater_is_better))
        return scale(low, high, greater_is_better=greater_is_better)

    monkeypatch.setattr("samplewise.plots.sweeps.goodness_scale", noted)
    monkeypatch.setattr("samplewise.plots.sweeps.goodness_scale", noted)
    means = np.array([[0.5, 0.6], [0.7, np.nan]])
    axes = ("hidden", ["4", "8"]), ("epochs", ["1", "2"])
    heat_map(means, *axes, "test_loss", "t", greater_is_better=False)
    columns = {"hidden": [4, 4, 8], "test_loss": [0.5, 0.6, 0.7]}
    parallel_coordinates(columns, "t", greater_is_better=False)
    assert asked == [(0.5, 0.7, False)] * 2


def test_equal_means_have_a_picture():
    axes = ("hidden", ["4", "8"]), ("epochs", ["1", "2"])
    assert heat_map(np.ones((2, 2)), *axes, "test_accuracy", "t", greater_is_better=True)


def test_a_missing_mean_beside_equal_ones_has_no_colour():
    axes = ("hidden", ["4"]), ("epochs", ["1", "2"])
    means = np.array([[0.5, np.nan]])
    png = heat_map(means, *axes, "test_accuracy", "t", greater_is_better=True)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    grid = np.array([int(GRID[i : i + 2], 16) for i in (1, 3, 5)])
    assert (pixels == grid).all(axis=1).mean() > 0.05


@pytest.mark.parametrize("span", [(0.2, 0.5), (0.001, 10.0)])
def test_a_logarithmic_axis_has_plain_numbers(span):
    with styled_figure(4, 3, "t") as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.set_xlim(*span)
        plain_logarithmic(axes.xaxis)
        figure.canvas.draw()
        texts = [label.get_text() for label in axes.get_xticklabels(which="both")]
    numbers = [float(text) for text in texts if text]
    assert len(numbers) >= 2
    assert isinstance(axes.xaxis.get_minor_formatter(), PlainLogFormatter)
