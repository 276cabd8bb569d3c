"""Costs against sizes: what is trained, when an axis ends, and what a reader is told."""

import dataclasses
import json
import re

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Plan
from samplewise.errors import UnavailableBackendError, UnknownBackendError
from samplewise_bench.contestants import Run
from samplewise_bench.scaling import folder as scaling_folder
from samplewise_bench.scaling import measure as scaling
from samplewise_bench.scaling import table as scaling_table
from samplewise_bench.scaling.curves import AXES, BASE, Curve, Method, Point, Scaling
from samplewise_bench.scaling.plot import Line, Panel
from samplewise_bench.scaling.plot import scaling as drawn
from samplewise_bench.scaling.power_law import fit
from samplewise_bench.timing import Spread

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
    assert not np.array_equal(one.weights, other.weights)


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


class FakeContestant:
    """Takes a millisecond a row, and a round more than the one before."""

    def __init__(self, problem, backend, plan, clock):
        self.ms, self.rounds = len(problem.X), 0
        self.program = type("FakeProgram", (), {"plan": Plan("blocked", block=64)})

    def run_once(self):
        self.rounds += 1
        return Run((self.ms + self.rounds) / 1e3, 0.7, 0.1, None)


def test_an_axis_ends_before_a_size_that_takes_too_long(monkeypatch, small):
    monkeypatch.setattr(scaling, "Contestant", FakeContestant)
    axis = dataclasses.replace(small["rows"], sizes=(10, 20, 40, 80, 160))
    # 0.5 s / 1 axis / 1 method / (2 * (3 + 2)) = 50 ms: 40 rows are tried, as 20 took 21 ms.
    (curve,) = scaling.measure([FAST], [axis], rounds=3, seconds=0.5).curves
    assert [point.size for point in curve.points] == [10, 20, 40]
    assert curve.remark == "n = 80 would take more than 0.05 s"
    # The first run warms up; the next three count.
    assert curve.points[0].spread == Spread(13, 12, 14)
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
            Spread(1.5 * size**exponent, size**exponent, 3.0 * size**exponent),
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
    scaling_folder.write_scaling(found, tmp_path / "new" / "scaling", force=False)
    folder = tmp_path / "new" / "scaling"
    assert sorted(path.name for path in folder.iterdir()) == sorted(scaling_folder.FILES)
    document = json.loads((folder / "scaling.json").read_text())
    assert document["remarks"] == scaling_table.remarks(found)
    assert [each["linear"] for each in document["curves"]] == [True, False, False, False, False]
    assert document["curves"][0]["points"][2]["plan"] == "dual"
    assert document["curves"][0]["law"]["exponent"] == pytest.approx(1)
    text = (folder / "scaling.md").read_text()
    assert "| n | numba_cpu | 200 to 1,600 | 1.00 ± 0.00 |" in text
    assert "| numba_cpu | 800 | dual | 1,200 (800..2,400) | 2,400 |" in text
    assert "Note: H, numba_cpu: the exponent 1.20" in text
    assert [re.sub("## ", "", line) for line in text.splitlines() if line.startswith("## ")] == [
        "Training rows n",
        "Inputs d",
        "Hidden units H",
        "Epochs E",
    ]
    assert (folder / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_has_time_above_memory_and_a_column_an_axis(found, monkeypatch):
    seen = []
    monkeypatch.setattr(scaling_folder, "drawn", lambda *given: seen.append(given) or b"")
    scaling_folder.picture(found)
    (times, memory), *_ = seen[0]
    assert [panel.size for panel in times] == [
        "training rows n",
        "inputs d",
        "hidden units H",
        "epochs E",
    ]
    assert times[0].lines[0].kinds == ["blocked", "blocked", "dual", "dual"]
    assert times[1].lines[0].told == "numba_cpu: 0.40 ± 0.00"
    assert times[3].lines[0].fitted == ((), ())
    assert memory[0].lines[0].costs == [600, 1200, 2400, 4800]
    assert memory[0].floor == ([200, 400, 800, 1600], [200, 400, 800, 1600])


def figure_of(monkeypatch, rows):
    from samplewise_bench.scaling import plot

    figures = []
    monkeypatch.setattr(plot, "_png", lambda figure: figures.append(figure) or b"")
    drawn(rows, "Cost", "rows and parameters")
    return figures[0]


def test_panels_are_logarithmic_and_share_their_costs(monkeypatch):
    lines = [
        Line("a", [1, 2, 4], [1, 2, 4], ["direct", "direct", "dual"], ([1, 4], [1, 4]), "a: 1.00"),
        Line("b", [1, 2], [100, 200], ["direct", "direct"]),
    ]
    rows = [[Panel("n", "ms", lines), Panel("d", "ms", lines[:1])]]
    rows += [[Panel("n", "MiB", lines, ([1, 4], [1, 1])), Panel("d", "MiB", lines[:1])]]
    figure = figure_of(monkeypatch, rows)
    assert {(axes.get_xscale(), axes.get_yscale()) for axes in figure.axes} == {("log", "log")}
    first, second = figure.axes[:2]
    assert first.get_ylim() == second.get_ylim()
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == ["n", "d"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["ms", "", "MiB", ""]
    assert [text.get_text() for text in first.texts] == ["a: 1.00"]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "a",
        "b",
        "direct",
        "dual",
        "fitted law: exponent ± its error",
        "rows and parameters",
    ]


def test_text_in_a_panel_lies_above_its_curves(monkeypatch):
    lines = [
        Line(name, [1, 10], [1, 1000], ["direct"] * 2, told=f"{name}: 3.00") for name in ("a", "b")
    ]
    (axes,) = figure_of(monkeypatch, [[Panel("n", "ms", lines)]]).axes
    low, high = axes.get_ylim()
    height = (np.log10(1000) - np.log10(low)) / (np.log10(high) - np.log10(low))
    lowest_text = min(text.xy[1] for text in axes.texts) - 0.07
    assert height < lowest_text
