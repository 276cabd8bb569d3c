"""`samplewise scaling`: what it writes and prints, and what it refuses."""

import dataclasses
import json

import pytest

from samplewise.cli.app import main
from samplewise.errors import OutputError, ParameterError, UnknownBackendError
from samplewise_bench.commands.scaling import scaling
from samplewise_bench.scaling import curves, plot
from samplewise_bench.scaling import measure as measuring
from samplewise_bench.scaling.curves import BASE

FILES = {"scaling.png", "scaling.md", "scaling.json"}
FAST = {"backend": "vectorized", "seconds": "0.1"}
PNG = b"\x89PNG"


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setattr(measuring, "BASE", {**BASE, "rows": 8, "epochs": 1, "inputs": 12})
    few = [dataclasses.replace(axis, sizes=axis.sizes[:3]) for axis in curves.AXES.values()]
    monkeypatch.setattr(curves, "AXES", {axis.name: axis for axis in few})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def not_drawn(monkeypatch):
    """Write a picture without drawing it, which takes longer than to measure."""
    monkeypatch.setattr(plot, "picture", lambda measured: PNG)


def test_it_writes_a_folder_and_prints_the_exponents(small, capsys):
    scaling(**FAST, axes="hidden, epochs")
    out, err = capsys.readouterr()
    assert {path.name for path in (small / "scaling").iterdir()} == FILES
    assert (small / "scaling" / "scaling.png").read_bytes().startswith(PNG)
    lines = [line.split() for line in out.splitlines()]
    assert [line[:2] for line in lines if line[1:2] == ["vectorized"]] == [
        ["H", "vectorized"],
        ["E", "vectorized"],
    ]
    assert "least squares" in out
    assert "written to scaling: scaling.png, scaling.md, scaling.json" in out
    assert "hidden    vectorized: " in err


@pytest.mark.usefixtures("not_drawn")
def test_its_json_is_that_of_the_folder(small, capsys):
    scaling(**FAST, axes="hidden", as_json=True, out=small / "new")
    document = json.loads(capsys.readouterr().out)
    assert document.pop("folder") == str(small / "new")
    assert document == json.loads((small / "new" / "scaling.json").read_text())
    assert document["curves"][0]["axis"] == "hidden"
    assert document["dtype"] == "float32"


@pytest.mark.usefixtures("not_drawn")
def test_an_earlier_folder_is_replaced_only_by_force(small, monkeypatch):
    scaling(**FAST, axes="hidden")
    (small / "scaling" / "scaling.md").write_text("earlier")
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "measure", lambda *_, **__: pytest.fail("was measured"))
        with pytest.raises(OutputError, match="exists already"):
            scaling(**FAST, axes="hidden")
    assert (small / "scaling" / "scaling.md").read_text() == "earlier"
    scaling(**FAST, axes="hidden", force=True)
    assert (small / "scaling" / "scaling.md").read_text() != "earlier"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": "row"}, "axes: must be one of rows, .* got 'row'; did you mean 'rows'"),
        ({"axes": ""}, "axes: must be one or more, .* got ''"),
        ({"backend": "vectorized,"}, "backend: must be one or more, .* got 'vectorized,'"),
        ({"dtype": "float16"}, "dtype: must be .* got 'float16'"),
        ({"rounds": "4"}, "rounds: must be a whole number"),
        ({"rounds": "many"}, "rounds: must be .* got 'many'"),
        ({"seconds": "0"}, "seconds: must be .* got 0"),
        ({"seconds": "soon"}, "seconds: must be .* got 'soon'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message, small):
    with pytest.raises(ParameterError, match=message):
        scaling(**options)
    assert not any(small.iterdir())


def test_an_unknown_backend_is_refused_before_anything_is_written(small):
    with pytest.raises(UnknownBackendError, match="nubma"):
        scaling(backend="nubma", axes="hidden")
    assert not any(small.iterdir())


def test_the_command_is_known(capsys):
    assert main(["scaling", "--help"]) == 0
    assert "--seconds" in capsys.readouterr().out
