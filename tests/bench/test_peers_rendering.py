"""Ratios, tables, Markdown, JSON and picture of a comparison."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageColor

from samplewise.errors import OutputError
from samplewise.plots.figures import PALETTE
from samplewise_bench.calibration import SQUARE, Calibration
from samplewise_bench.output import file_names, write_measurement
from samplewise_bench.peers import table
from samplewise_bench.peers.plot import COLORS, picture
from samplewise_bench.peers.results import (
    REFUSED,
    TIMED,
    UNFIT,
    PeerComparison,
    PeerEntry,
    PeerInfo,
    WorkloadResult,
    finished,
)
from samplewise_bench.timing import TimeSpread

PREFERRED = ("numba_cpu", "vectorized")
CALIBRATION = Calibration("float32", {SQUARE: 100.0}, 1.0)
PNG = b"\x89PNG"


def timed(peer, way, ms):
    spread = TimeSpread(ms, ms / 2, ms * 2)
    return PeerEntry(peer, way, TIMED, "", spread, 5, 0.98, None, 1e-6, 1e-4)


def result(*entries, calls=0, cores=1):
    # 10^9 operations at 100 GFLOP/s take 10 ms.
    raw = WorkloadResult("work", "some work", cores, calls, 1_000_000_000, tuple(entries))
    return finished(raw, CALIBRATION, PREFERRED)


@pytest.fixture
def told():
    return result(
        timed("pytorch", "eager", 2000.0),
        timed("samplewise", "vectorized auto", 400.0),
        timed("samplewise", "numba_cpu direct", 50.0),
        timed("samplewise", "numba_cpu auto", 20.0),
        timed("jax", "jit(scan)", 10.0),
        PeerEntry(
            "scikit-learn", "MLPClassifier", REFUSED, "weights 0.weight: differs by 1; not timed"
        ),
        PeerEntry("fann", "", UNFIT, "FANN updates after each row, or after all of them"),
    )


def comparison(*results):
    peers = (
        PeerInfo("samplewise", "pip install samplewise", "0.1.0", 0.4),
        PeerInfo("jax", "pip install jax", absent="ImportError: No module named 'jax'"),
    )
    conditions = {
        "processor": "a processor",
        "platform": "a platform",
        "versions": {"python": "3.11"},
        "pinned_to": [1],
        "load_average": 0.25,
    }
    return PeerComparison("float32", 5, peers, tuple(results), CALIBRATION, conditions)


def test_ratios_are_to_what_samplewise_does_by_itself(told):
    assert told.baseline == "samplewise numba_cpu auto"
    ratios = {entry.label: entry.ratio for entry in told.entries}
    assert ratios["pytorch eager"] == pytest.approx(100)
    assert ratios["jax jit(scan)"] == pytest.approx(0.5)
    assert ratios["samplewise numba_cpu auto"] == pytest.approx(1)
    assert ratios["fann"] is None


def test_the_baseline_is_auto_even_where_another_plan_was_faster():
    found = result(
        timed("samplewise", "numba_cpu auto", 20.0), timed("samplewise", "numba_cpu direct", 5.0)
    )
    assert found.baseline == "samplewise numba_cpu auto"


def test_without_auto_the_fastest_plan_of_the_preferred_backend_is_the_baseline():
    found = result(
        timed("samplewise", "reference direct", 1.0),
        timed("samplewise", "numba_cpu direct", 5.0),
        timed("samplewise", "numba_cpu blocked", 4.0),
    )
    assert found.baseline == "samplewise numba_cpu blocked"
    assert result(timed("samplewise", "reference direct", 1.0)).baseline
    assert result(timed("jax", "jit(scan)", 1.0)).baseline == ""


def test_the_fastest_stand_first_and_those_without_a_time_last(told):
    assert [entry.peer for entry in told.entries][:2] == ["jax", "samplewise"]
    assert {entry.peer for entry in told.entries[-2:]} == {"scikit-learn", "fann"}


def test_the_floor_is_operations_by_rate_and_cores(told):
    assert told.floor_ms == pytest.approx(10)
    assert told.entries[0].of_floor == pytest.approx(1)
    two = result(timed("jax", "jit(scan)", 10.0), cores=2)
    assert two.entries[0].of_floor == pytest.approx(0.5)


def test_losses_are_shown_like_wins(told):
    cells = {entry.label: table.cells(entry, told) for entry in told.entries}
    assert cells["jax jit(scan)"][4] == "2.00 x faster"
    assert cells["pytorch eager"][4] == "100 x slower"
    assert cells["samplewise numba_cpu auto"][4] == "baseline"
    assert cells["samplewise numba_cpu auto"][7] == "98%"


def test_a_ratio_of_one_is_neither_faster_nor_slower():
    found = result(
        timed("samplewise", "numba_cpu auto", 20.0), timed("samplewise", "numba_cpu dual", 20.05)
    )
    assert table.cells(found.entries[1], found)[4] == "as fast"


def test_the_clocks_of_a_user_lead_and_decide_the_ratio():
    felt = [
        replace(
            timed(peer, way, inside_ms),
            process=TimeSpread(2500.0, 2400.0, 2600.0),
            call=TimeSpread(call_ms, call_ms, call_ms),
            first_epoch_s=2.25,
        )
        for peer, way, inside_ms, call_ms in (
            ("samplewise", "numba_cpu auto", 10.0, 12.0),
            ("jax", "jit(scan)", 9.0, 36.0),
        )
    ]
    found = result(*felt)
    cells = [table.cells(entry, found) for entry in found.entries]
    assert table.headers(found)[1:3] == ("process s (min..max)", "call ms (min..max)")
    assert cells[1][:5] == (
        "jax jit(scan)",
        "2.50 (2.40..2.60)",
        "36.0 (36.0..36.0)",
        "2.25",
        "3.00 x slower",
    )
    assert found.entries[1].of_floor == pytest.approx(10 / 9)


def test_what_has_no_time_says_why(told):
    cells = [table.cells(entry, told) for entry in told.entries]
    assert cells[-2][0] == "scikit-learn MLPClassifier: disagrees"
    assert all(len(line) == len(table.headers(told)) for line in cells)
    assert table.notes(told) == [
        "scikit-learn MLPClassifier: disagrees, weights 0.weight: differs by 1; not timed",
        "fann: FANN updates after each row, or after all of them",
    ]


def test_calls_are_told_in_microseconds_and_have_no_floor():
    found = result(timed("samplewise", "numba_cpu program", 0.0025), calls=1000)
    (entry,) = found.entries
    assert table.headers(found)[5] == "inside us (min..max)"
    assert table.cells(entry, found)[1:6] == ("-", "-", "-", "baseline", "2.50 (1.25..5.00)")
    assert entry.of_floor is None
    assert "floor" not in table.title(found)


def test_an_absent_peer_comes_with_the_command_that_brings_it():
    shown = [table.peer_cells(info) for info in comparison().peers]
    assert shown[0][:3] == ("samplewise", "0.1.0", "0.400")
    assert shown[1][1] == "not installed"
    assert "pip install jax" in shown[1][3]


def test_the_folder_holds_markdown_json_and_a_picture(told, tmp_path):
    calls = result(timed("samplewise", "numba_cpu program", 0.0025), calls=1000)
    found = comparison(told, calls)
    png, text, json_file = file_names("peers")
    given = picture(found), table.markdown(found, png), table.to_json(found)
    write_measurement(tmp_path / "peers", "peers", *given, force=False)
    assert {path.name for path in (tmp_path / "peers").iterdir()} == {png, text, json_file}
    text = (tmp_path / "peers" / text).read_text(encoding="utf-8")
    assert f"]({png})" in text
    for part in ("2.00 x faster", "100 x slower", "pip install jax", "a processor", "100 GFLOP/s"):
        assert part in text
    document = json.loads((tmp_path / "peers" / json_file).read_text(encoding="utf-8"))
    assert document["results"][0]["entries"][0]["spread"]["median_ms"] == 10.0
    assert document["calibration"]["gflops"] == {"512x512x512": 100.0}
    assert document["conditions"]["processor"] == "a processor"
    assert (tmp_path / "peers" / png).read_bytes().startswith(PNG)
    with pytest.raises(OutputError, match="exists already"):
        write_measurement(tmp_path / "peers", "peers", *given, force=False)


def test_a_picture_can_be_drawn_of_any_number_of_panels(told):
    nothing = result(PeerEntry("fann", "", UNFIT, "why"))
    for count in (0, 1, 4, 5):
        assert picture(comparison(nothing, *[told] * count)).startswith(PNG)


def test_a_picture_keeps_its_colors_in_a_palette(told):
    png = picture(comparison(told))
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "P"
        colors = {color for _, color in image.convert("RGB").getcolors()}
    assert len(colors) <= COLORS
    for wanted in map(ImageColor.getrgb, ("white", *PALETTE[:3])):
        # Rounded as the palette is.
        assert any(max(map(abs, np.subtract(color, wanted))) <= 2 for color in colors)


def test_a_machine_that_cannot_be_pinned_or_asked_is_told():
    found = comparison()
    found.conditions.update(pinned_to=None, load_average=None)
    facts = dict(table.machine(found))
    assert facts["cores"] == "not pinned"
    assert facts["load when it began"] == "unknown"
