"""`samplewise bench --peers`: what it prints and writes, and what it refuses."""

import json

import pytest
from peers_task import small_task

from samplewise.errors import OutputError, ParameterError
from samplewise_bench.commands.bench import bench
from samplewise_bench.peers import comparison, workloads

FAST = {"peers": True, "peer": "samplewise", "backend": "vectorized", "plan": "direct"}


@pytest.fixture
def small(monkeypatch):
    """One workload that takes milliseconds, in place of the table."""
    table = {"small": workloads.PeerWorkload("a small network", small_task)}
    monkeypatch.setattr(workloads, "WORKLOADS", table)
    monkeypatch.setattr(
        comparison.compare_peers,
        "__kwdefaults__",
        {**comparison.compare_peers.__kwdefaults__, "workloads": table},
    )


def test_it_prints_tables_and_writes_a_folder(small, tmp_path, capsys):
    bench(**FAST, out=tmp_path / "out")
    captured = capsys.readouterr()
    assert "a small network; floor of the textbook's products" in captured.out
    assert "samplewise vectorized direct" in captured.out
    assert "baseline" in captured.out
    assert "512x512x512" in captured.out
    assert "small: a small network" in captured.err
    assert (tmp_path / "out" / "peers.png").is_file()


def test_its_json_is_that_of_the_folder(small, tmp_path, capsys):
    bench(**FAST, out=tmp_path / "out", as_json=True)
    document = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "out" / "peers.json").read_text(encoding="utf-8"))
    assert document.pop("folder") == str(tmp_path / "out")
    assert document == written


def test_an_output_that_exists_is_refused_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "peers.md").touch()
    with pytest.raises(OutputError, match="exists already"):
        bench(**FAST, out=tmp_path)
    assert "agree" not in capsys.readouterr().err


def test_the_workloads_are_listed(capsys):
    bench(peers=True, workload="list")
    out = capsys.readouterr().out
    for name in workloads.WORKLOADS:
        assert name in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workload": "wide"}, "bench: --workload needs --peers, got --workload wide; add --peers"),
        ({"peer": "jax"}, "bench: --peer needs --peers, got --peer jax; add --peers"),
        ({"plan": "auto"}, "bench: --plan needs --peers, got --plan auto; add --peers"),
        (
            {"peers": True, "rows": "all"},
            "bench: --rows cannot be used with --peers, got --rows all; omit --rows or --peers",
        ),
        ({"peers": True, "batch_size": "1"}, "bench: --batch-size cannot be used with --peers"),
        ({"peers": True, "dtype": "float64"}, "bench: --dtype cannot be used with --peers"),
        ({"peers": True, "workload": "wid"}, "workload: must be .* got 'wid'; did you mean 'wide'"),
        ({"peers": True, "peer": "torch"}, "peer: must be .* got 'torch'; did you mean 'pytorch'"),
        (
            {"peers": True, "plan": "bloked"},
            "plan: must be .* got 'bloked'; did you mean 'blocked'",
        ),
        ({"peers": True, "backend": "nubma_cpu"}, "backend: must be .* got 'nubma_cpu'"),
        ({"peers": True, "rounds": "4"}, "rounds: must be .* got 4"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        bench(**options)
