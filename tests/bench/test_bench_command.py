"""`samplewise bench`: what it prints, and what it refuses."""

import json

import pytest

from samplewise.errors import ParameterError, UnknownBackendError
from samplewise_bench.commands.bench import bench

FAST = {"rows": "rate-0.1", "backend": "numba_cpu,vectorized", "batch_size": "32"}


def test_it_prints_a_table_and_how_to_read_it(capsys):
    bench(**FAST, dtype="float32")
    out = capsys.readouterr().out
    assert out.count("rate-0.1") == 2
    assert "hosted notebook on an unknown CPU" in out
    assert "Dtype: float32. Rounds, interleaved, from fresh weights: 5." in out


def test_its_json_has_one_result_a_cell(capsys):
    bench(**FAST, as_json=True)
    document = json.loads(capsys.readouterr().out)
    cells = [(cell["row"], cell["batch_size"], cell["backend"]) for cell in document["results"]]
    assert cells == [("rate-0.1", 32, "numba_cpu"), ("rate-0.1", 32, "vectorized")]
    assert document["rounds"] == 5
    assert document["conditions"]["processor"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": "final-9"}, "rows: must be .* got 'final-9'; did you mean 'final-"),
        ({"rows": ""}, "rows: must be one or more, .* got ''"),
        ({"dtype": "float16"}, "dtype: must be .* got 'float16'"),
        ({"batch_size": "0"}, "batch_size: must be .* got 0"),
        ({"batch_size": "1,many"}, "batch_size: must be .* got 'many'"),
        ({"rounds": "4"}, "rounds: must be a whole number"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        bench(**options)


def test_an_unknown_backend_is_refused():
    with pytest.raises(UnknownBackendError, match="nubma"):
        bench(rows="final-1", backend="nubma")
