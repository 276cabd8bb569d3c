"""Estimators beside scikit-learn's: equal computations, times, scores and their interval."""

import json
from dataclasses import replace

import numpy as np
import pytest

from samplewise.errors import ContractError, ParameterError
from samplewise_bench.commands.bench import bench
from samplewise_bench.estimators import race, scores, works
from samplewise_bench.estimators.calls import Call
from samplewise_bench.estimators.race import Duel
from samplewise_bench.estimators.scores import Scores
from samplewise_bench.estimators.works import SIZES, sized_works
from samplewise_bench.timing import TimeSpread


@pytest.fixture(scope="module")
def small():
    return replace(sized_works()[3], name="small")


def test_thirty_works_take_every_kind_solver_and_dtype_with_each_other(small):
    found = sized_works()
    assert len(found) == 30
    assert len({(w.kind, w.parameters["solver"], w.dtype) for w in found}) == 8
    assert {w.X.shape for w in found} == {size[:2] for size in SIZES}


@pytest.mark.parametrize("index", [0, 3])
def test_both_sides_have_one_loss_curve(index):
    sized_works()[index].check_agreement()


def test_sides_that_compute_something_else_are_not_timed(small, monkeypatch):
    theirs = works.ESTIMATORS[works.THEIRS][small.kind]
    monkeypatch.setitem(
        works.ESTIMATORS[works.THEIRS], small.kind, lambda **k: theirs(**{**k, "alpha": 1.0})
    )
    with pytest.raises(ContractError, match="small: the loss curves"):
        race.race_estimators(1, lambda _: None, works=[small], calls=[_call("nothing", 0.0)])


def _call(what, at_least):
    return Call(what, at_least, lambda side: lambda: side)


def test_the_command_prints_duels_or_json(small, monkeypatch, capsys):
    whole = race.race_estimators
    monkeypatch.setattr(
        race,
        "race_estimators",
        lambda n, log: whole(1, log, works=[small], calls=[_call("nothing", 1e9)]),
    )
    bench(estimators=True)
    out = capsys.readouterr().out
    assert "missed" in out
    assert "fit: small" in out
    bench(estimators=True, as_json=True)
    named = json.loads(capsys.readouterr().out)["duels"]
    assert [duel["what"] for duel in named] == ["nothing", "fit: small"]


def test_a_duel_is_missed_where_it_is_not_as_fast_as_promised():
    spread = TimeSpread.of([0.002])
    assert "missed" not in Duel("x", spread, TimeSpread.of([0.006]), 3).cells()[3]
    assert "missed" in Duel("x", spread, TimeSpread.of([0.005]), 3).cells()[3]


def test_scores_are_apart_where_the_interval_leaves_out_zero():
    rng = np.random.default_rng(0)
    theirs = tuple(rng.normal(0.9, 0.01, 10))
    near = tuple(np.add(theirs, rng.normal(0, 0.01, 10)))
    above = tuple(np.add(theirs, rng.normal(0.05, 0.01, 10)))
    assert not Scores("x", "accuracy", near, theirs).are_apart
    assert Scores("x", "accuracy", above, theirs).are_apart
    mean, low, high = Scores("x", "accuracy", above, theirs).interval
    # Student's factor for ten seeds, from a table.
    error = np.std(np.subtract(above, theirs), ddof=1) / np.sqrt(10)
    assert (high - low) / 2 == pytest.approx(2.2622 * error, rel=1e-4)
    assert mean == pytest.approx(np.mean(above) - np.mean(theirs))


def test_the_command_compares_scores(monkeypatch, capsys):
    monkeypatch.setattr(scores, "SEEDS", 2)
    monkeypatch.setattr(scores, "DATASETS", {"iris": scores.DATASETS["iris"]})
    bench(scores=True, as_json=True)
    (found,) = json.loads(capsys.readouterr().out)["scores"]
    assert len(found["ours"]) == len(found["theirs"]) == 2
    assert min(found["ours"]) > 0.8


@pytest.mark.parametrize("mode", ["estimators", "scores"])
def test_options_of_others_are_refused(mode):
    with pytest.raises(ParameterError, match=f"bench: --rows cannot be used with --{mode}"):
        bench(**{mode: True}, rows="all")
