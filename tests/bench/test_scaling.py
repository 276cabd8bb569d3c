"""Costs against sizes: what is trained, when an axis ends, and what a reader is told."""

import dataclasses
import json
import re

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Plan
from samplewise.errors import UnavailableBackendError, UnknownBackendError
from samplewise_bench.output import file_names, write_measurement
from samplewise_bench.scaling import measure as scaling
from samplewise_bench.scaling import plot
from samplewise_bench.scaling import table as scaling_table
from samplewise_bench.scaling.curves import AXES, BASE, Curve, Method, Point, Scaling, fit
from samplewise_bench.timing import TimeSpread
from samplewise_bench.training import TimedRun

FAST = Method("vectorized")


@pytest.fixture
def small(monkeypatch):
    """Axes that train in milliseconds."""
    monkeypatch.setattr(scaling, "BASE", {**BASE, "rows": 20, "epochs": 1, "inputs": 12})
    return {name: dataclasses.replace(axis, sizes=(1, 2, 4)) for name, axis in AXES.items()}


def test_every_axis_varies_one_size_and_holds_the_reports_network():
    for axis in AXES.values():
        problems = scaling._problems(axis, axis.sizes[3], "float32")
        first = problems[0]
        found = {
            "rows": len(first.X),
            "epochs": first.epochs,
            "inputs": first.network.inputs,
            "hidden": first.network.layers[0].units,
            "networks": len(problems),
        }
        assert found == {**BASE, axis.name: axis.sizes[3]}
        assert first.X.dtype == np.float32
        assert BASE[axis.name] in axis.sizes or axis.name == "epochs"


def test_networks_trained_at_once_share_rows_and_not_weights():
    one, other = scaling._problems(AXES["networks"], 2, "float32")
    assert one.X is other.X
    assert not np.array_equal(one.parameters, other.parameters)


def test_a_measurement(small):
    told = []
    axes = [small["rows"], small["hidden"], small["networks"]]
    measured = scaling.measure([FAST, Method("reference")], axes, rounds=2, on_curve=told.append)
    assert measured.curves == told
    assert [(c.axis.name, c.method.backend, len(c.points)) for c in told] == [
        ("rows", "vectorized", 3),
        ("rows", "reference", 3),
        ("hidden", "vectorized", 3),
        ("hidden", "reference", 3),
        ("networks", "vectorized", 0),
        ("networks", "reference", 0),
    ]
    assert told[-1].remark == "this backend trains one network at a time"
    for curve in told[:4]:
        assert curve.law.last == 4
        for point in curve.points:
            assert 0 < point.spread.min_ms <= point.spread.max_ms
            assert point.plan.name in registry.load(curve.method.backend).capabilities.plans
            assert point.peak_bytes > point.given_bytes
    assert [point.size for point in told[0].points] == [1, 2, 4]
    assert measured.conditions["pinned_to"] in (None, [max(measured.conditions["pinned_to"])])


def test_memory_is_that_of_rows_targets_parameters_and_more(small, monkeypatch):
    # Rows weigh the most then.
    monkeypatch.setitem(scaling.BASE, "hidden", 1)
    axis = dataclasses.replace(small["inputs"], sizes=(50_000,))
    (curve,) = scaling.measure([Method("reference")], [axis], rounds=1).curves
    (problem,) = scaling._problems(axis, 50_000, "float32")
    (point,) = curve.points
    given = 4 * (20 * 50_000 + 20 * 1 + problem.network.layout.size)
    assert point.given_bytes == given
    assert given < point.peak_bytes < 1.5 * given


class FakeTraining:
    """Takes a millisecond a row, and a round more than the one before."""

    def __init__(self, problem, backend, plan, *, clock):
        self.ms, self.rounds = len(problem.X), 0
        self.program = type("FakeProgram", (), {"plan": Plan("blocked", block=64)})

    def run_once(self):
        self.rounds += 1
        return TimedRun((self.ms + self.rounds) / 1e3, 0.7, 0.1, None)


def test_an_axis_ends_before_a_size_that_takes_too_long(monkeypatch, small):
    monkeypatch.setattr(scaling, "Training", FakeTraining)
    axis = dataclasses.replace(small["rows"], sizes=(10, 20, 40, 80, 160))
    # 0.5 s / 1 axis / 1 method / (2 * (3 + 2)) = 50 ms: 40 rows are tried, as 20 took 21 ms.
    (curve,) = scaling.measure([FAST], [axis], rounds=3, seconds=0.5).curves
    assert [point.size for point in curve.points] == [10, 20, 40]
    assert curve.remark == "n = 80 would take more than 0.05 s"
    # The first run warms up; the next three count.
    assert curve.points[0].spread == TimeSpread(13, 12, 14)
    assert curve.law == fit([10, 20, 40], [12, 22, 42])


def test_a_method_names_a_backend_and_perhaps_a_plan():
    assert Method.named("numba_cpu/dual") == Method("numba_cpu", "dual")
    assert Method.named("numba_cpu") == Method("numba_cpu", "auto")
    assert Method.named("some/backend") == Method("some/backend", "auto")
    assert [str(Method.named(text)) for text in ("a", "a/auto", "a/direct")] == [
        "a",
        "a",
        "a/direct",
    ]


def test_a_method_that_cannot_train_is_refused_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(scaling, "one_core", lambda: pytest.fail("was measured"))
    with pytest.raises(UnknownBackendError, match="nubma"):
        scaling.measure([FAST, Method("nubma")])
    with pytest.raises(UnavailableBackendError, match="plan 'dual'"):
        scaling.measure([FAST, Method("reference", "dual")])
    with pytest.raises(UnavailableBackendError, match="of vectorized none trains several networks"):
        scaling.measure([FAST], [AXES["networks"]])


def test_the_default_is_the_fastest_backend_and_the_same_step_by_step(monkeypatch):
    assert scaling.default_methods() == [Method("numba_cpu"), Method("numba_cpu", "direct")]
    monkeypatch.setattr(registry, "PREFERENCE", ("vectorized",))
    few = dataclasses.replace(registry.load("vectorized").capabilities, plans=frozenset({"direct"}))
    monkeypatch.setattr(type(registry.load("vectorized")), "capabilities", few)
    assert scaling.default_methods() == [FAST]


def curve(axis, exponent, plans=("direct",) * 4, remark="", backend="numba_cpu"):
    sizes = AXES[axis].sizes[: len(plans)]
    points = tuple(
        Point(
            size,
            TimeSpread(1.5 * size**exponent, size**exponent, 3.0 * size**exponent),
            Plan(plan),
            3 * 2**20 * size,
            2**20 * size,
        )
        for size, plan in zip(sizes, plans, strict=True)
    )
    law = fit([p.size for p in points], [p.spread.min_ms for p in points])
    return Curve(AXES[axis], Method(backend), points, law, remark)


@pytest.fixture
def found():
    curves = [
        curve("rows", 1.0, ("blocked", "blocked", "dual", "dual")),
        curve("inputs", 0.4, ("dual",) * 4),
        curve("hidden", 1.2, remark="H = 80 would take more than 0.4 s"),
        curve("epochs", 1.0, ("direct",), remark="E = 2 would take more than 0.4 s"),
        curve("networks", 1.0, (), remark="this backend trains one network at a time"),
    ]
    return Scaling("float32", 5, curves, {"pinned_to": [1], "processor": "some CPU"})


def test_a_cost_that_is_not_linear_is_told(found):
    assert scaling_table.remarks(found) == [
        "d, numba_cpu: the exponent 0.40 ± 0.00 lies outside 0.9 to 1.1; plans: dual",
        "H, numba_cpu: the exponent 1.20 ± 0.00 lies outside 0.9 to 1.1; plans: direct",
        "H, numba_cpu: H = 80 would take more than 0.4 s",
        "E, numba_cpu: too few sizes for an exponent",
        "E, numba_cpu: E = 2 would take more than 0.4 s",
        "M, numba_cpu: this backend trains one network at a time",
    ]


@pytest.mark.parametrize(
    ("exponent", "linear"), [(0.89, False), (0.91, True), (1.09, True), (1.11, False)]
)
def test_linear_is_from_0_9_to_1_1(exponent, linear):
    assert curve("rows", exponent).is_linear is linear


def test_the_table(found):
    rows = [scaling_table.cells(each) for each in found.curves]
    assert {len(row) for row in rows} == {len(scaling_table.HEADERS)}
    assert rows[0] == (
        *("n", "numba_cpu", "200 to 1,600", "1.00 ± 0.00", "400 to 1,600"),
        "blocked, dual from 800",
        *("2,400 (1,600..4,800)", "4,800", "3.00"),
    )
    assert rows[3][3:5] == ("-", "-")
    assert rows[4] == ("M", "numba_cpu", *["-"] * 7)


def test_the_folder_holds_the_same_figures_three_times(found, tmp_path):
    folder, files = tmp_path / "new" / "scaling", file_names("scaling")
    text, document = scaling_table.markdown(found, files[0]), scaling_table.to_json(found)
    write_measurement(folder, "scaling", plot.picture(found), text, document, force=False)
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    document = json.loads((folder / "scaling.json").read_text())
    assert document["remarks"] == scaling_table.remarks(found)
    assert [each["linear"] for each in document["curves"]] == [True, False, False, False, False]
    assert document["curves"][0]["points"][2]["plan"] == "dual"
    assert document["curves"][0]["law"]["exponent"] == pytest.approx(1)
    text = (folder / "scaling.md").read_text()
    assert r"| n | numba\_cpu | 200 to 1,600 | 1.00 ± 0.00 |" in text
    assert r"| numba\_cpu | 800 | dual | 1,200 (800..2,400) | 2,400 |" in text
    assert "Note: H, numba_cpu: the exponent 1.20" in text
    assert [re.sub("## ", "", line) for line in text.splitlines() if line.startswith("## ")] == [
        "Training rows n",
        "Inputs d",
        "Hidden units H",
        "Epochs E",
    ]
    assert (folder / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def axes(monkeypatch):
    """Return a function that draws curves and gives the rows of its axes, and the legend."""
    figures = []
    monkeypatch.setattr(plot, "png_bytes", lambda figure: figures.append(figure) or b"")

    def drawn(*curves):
        plot.picture(Scaling("float32", 5, list(curves), {}))
        figure, columns = figures[-1], len(figures[-1].axes) // 2
        (legend,) = figure.legends
        return figure.axes[:columns], figure.axes[columns:], legend

    return drawn


def lines(axes, style):
    """Return sizes and costs of the lines of a style; markers are lines of one point."""
    drawn = [line for line in axes.lines if line.get_linestyle() == style]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in drawn]


def test_the_picture_has_time_above_memory_and_a_column_an_axis(found, axes):
    times, memory, _ = axes(*found.curves)
    assert [each.get_xlabel() for each in memory] == [
        "training rows n",
        "inputs d",
        "hidden units H",
        "epochs E",
    ]
    assert [each.get_ylabel() for each in times] == ["least training time, ms", "", "", ""]
    assert [each.get_ylabel() for each in memory] == ["peak memory, MiB", "", "", ""]
    assert [text.get_text() for text in times[1].texts] == ["numba_cpu: 0.40 ± 0.00"]
    # The least times, and the law over the larger half: none where there is one size.
    sizes = [200, 400, 800, 1600]
    assert lines(times[0], "-")[0] == (sizes, sizes)
    assert lines(times[0], "-")[-1][0] == [400, 1600]
    assert len(lines(times[3], "-")) == 2
    assert lines(memory[0], "-")[0] == (sizes, [600, 1200, 2400, 4800])
    assert lines(memory[0], "--") == [(sizes, sizes)]


def test_panels_are_logarithmic_and_share_their_costs(axes):
    times, memory, legend = axes(
        curve("rows", 1.0, ("direct", "direct", "dual", "dual")),
        curve("rows", 1.1, backend="vectorized"),
        curve("inputs", 2.0),
    )
    assert {(e.get_xscale(), e.get_yscale()) for e in (*times, *memory)} == {("log", "log")}
    assert times[0].get_ylim() == times[1].get_ylim() != memory[0].get_ylim()
    assert [text.get_text() for text in legend.get_texts()] == [
        "numba_cpu",
        "vectorized",
        "direct",
        "dual",
        "fitted law: exponent ± its error",
        "rows, targets and parameters",
    ]
    shapes = [line.get_marker() for line in times[0].lines if line.get_marker() != "None"]
    assert shapes == ["o", "o", "s", "s", *"oooo"]


def test_text_in_a_panel_lies_above_its_curves(axes):
    steep = [curve("rows", 3.0, backend=name) for name in ("a", "b")]
    (panel,), *_ = axes(*steep)
    low, high = np.log10(panel.get_ylim())
    height = (np.log10(1600.0**3) - low) / (high - low)
    assert len(panel.texts) == 2
    assert height < min(text.xy[1] for text in panel.texts) - 0.07
