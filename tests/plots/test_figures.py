import io
import os
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from samplewise.plots import figures

HOSTILE = ("$x^{$", "_hidden", "a\x00b\nc", "\ud800", "日本", "<b>", "W" * 400)
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 8, 6)).astype(np.uint8)


def opened(png):
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image


def margin_is_white(png, pixels=4):
    edge = np.asarray(opened(png).convert("L")).copy()
    edge[pixels:-pixels, pixels:-pixels] = 255
    return (edge == 255).all()


@pytest.mark.parametrize(("curves", "epochs"), [(1, 1), (1, 40), (6, 1), (6, 40), (9, 10)])
def test_loss_curves_fit_into_a_figure_of_one_size(curves, epochs):
    named = {f"{k} neurons": np.linspace(1, 0.1 * k, epochs) for k in range(curves)}
    png = figures.loss_curves(named, "Loss")
    assert opened(png).size == (864, 480)
    assert margin_is_white(png)


def test_the_epoch_axis_counts_from_one_in_whole_numbers(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    figures.loss_curves({"a": [0.7], "b": [0.7, 0.6, 0.5]}, "Loss")
    (axes,) = drawn[0].axes
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks
    assert all(tick == int(tick) >= 1 for tick in ticks)
    assert [line.get_xdata().tolist() for line in axes.lines] == [[1], [1, 2, 3]]


def test_the_runs_behind_a_mean_are_drawn_and_not_named(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    figures.loss_curves({"a": [0.6, 0.3], "b": [0.7]}, "Loss", {"a": [[0.8, 0.2], [0.4, 0.4]]})
    lines = [line.get_ydata().tolist() for line in drawn[0].axes[0].lines]
    assert lines == [[0.8, 0.2], [0.4, 0.4], [0.6, 0.3], [0.7]]
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]


def test_the_epoch_whose_weights_were_kept_is_marked(monkeypatch):
    png = figures.loss_curves({"validation": [0.9, 0.5, 0.7]}, "Loss", best_epoch=2)
    assert margin_is_white(png)
    drawn = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    figures.loss_curves({"validation": [0.9, 0.5, 0.7]}, "Loss", best_epoch=2)
    assert list(drawn[0].axes[0].lines[-1].get_xdata()) == [2, 2]
    (legend,) = drawn[0].legends
    assert legend.get_texts()[-1].get_text() == "weights kept:\nepoch 2"


@pytest.mark.parametrize("classes", [2, 10, 40])
def test_a_confusion_matrix_shows_its_counts_while_they_can_be_read(classes, monkeypatch):
    drawn, counts = [], np.arange(classes * classes).reshape(classes, classes)
    names = [f"class {k}" for k in range(classes)]
    assert margin_is_white(figures.confusion(counts, names, "Confusion"))
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    figures.confusion(counts, names, "Confusion")
    texts = [text.get_text() for text in drawn[0].axes[0].texts]
    assert texts == ([f"{count:,}" for count in counts.ravel()] if classes <= 16 else [])


def test_a_confusion_matrix_with_a_class_without_rows():
    assert opened(figures.confusion(np.array([[3, 1], [0, 0]]), ("a", "b"), "Confusion"))


@pytest.mark.parametrize("count", [1, 5, 7])
def test_images_lie_in_rows_of_five(count, monkeypatch):
    png = figures.predicted_images(IMAGES[:count], ["9 · 98.0 %"] * count, "Images")
    assert margin_is_white(png)
    drawn = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    figures.predicted_images(IMAGES[:count], ["9 · 98.0 %"] * count, "Images")
    assert len(drawn[0].axes) == -(-count // 5) * min(count, 5)
    shown = [axes.images[0].get_array().tolist() for axes in drawn[0].axes if axes.images]
    assert shown == IMAGES[:count].tolist()


def test_a_wrong_prediction_is_coloured(monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: drawn.append(figure) or b"")
    figures.predicted_images(IMAGES[:2], ["9", "4\nis 9"], "Images", [False, True])
    colors = [axes.title.get_color() for axes in drawn[0].axes]
    assert colors == [figures.INK, figures.WRONG]


def test_the_same_figure_has_the_same_bytes_and_names_no_version():
    first, second = (figures.loss_curves({"a": [0.7, 0.5]}, "Loss") for _ in range(2))
    assert first == second
    assert b"matplotlib" not in first


@pytest.mark.filterwarnings("ignore:no installed font has CJK:UserWarning")
def test_hostile_names_are_drawn_as_text():
    counts = np.ones((len(HOSTILE), len(HOSTILE)), dtype=np.int64)
    title = " ".join(HOSTILE)
    assert opened(figures.loss_curves(dict.fromkeys(HOSTILE, (0.7, 0.6)), title))
    assert opened(figures.confusion(counts, HOSTILE, title))
    assert opened(figures.predicted_images(IMAGES[: len(HOSTILE)], HOSTILE, title))


def test_the_users_style_changes_nothing_and_stays():
    plain = figures.loss_curves({"a": [0.7, 0.5]}, "Loss")
    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert figures.loss_curves({"a": [0.7, 0.5]}, "Loss") == plain
        assert mpl.rcParams["lines.linewidth"] == 9


def test_pyplot_is_not_loaded():
    code = (
        "import sys; from samplewise.plots import figures; figures.loss_curves({'a': [1.0]}, 't');"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_an_unknown_screen_in_the_environment_does_not_matter():
    code = "import os; from samplewise.plots import figures; print(os.environ['MPLBACKEND'])"
    environment = {**os.environ, "MPLBACKEND": "no-such-screen"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "no-such-screen\n"
