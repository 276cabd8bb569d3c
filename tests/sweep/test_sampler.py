"""A sampler proposes candidates by what those before reached, and the journal is all it needs."""

import importlib.util
import math
import threading

import pytest

from samplewise.errors import CombinationError, ParameterError
from samplewise.sweep import proposals
from samplewise.sweep.candidates import METRICS
from samplewise.sweep.definition import Sweep, read_sweep
from samplewise.sweep.results import read_results
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.run import run_sweep
from samplewise.sweep.sampler import Sampler
from samplewise.sweep.space import Space

BASE = {"backend": "reference", "hidden": (2,), "epochs": 1}
SPACE = {"learning_rate": "log 1e-3 1", "momentum": [0.0, 0.5]}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(proposals, "BATCH", 4)


def of(samples, **rest):
    return Sweep(SPACE, BASE, samples=samples, sampler="tpe", **rest)


def values(result):
    return [(row["learning_rate"], row["momentum"]) for row in result.rows]


def test_as_many_candidates_as_asked_are_proposed_and_trained(clouds, tmp_path):
    seen = []
    result = run_sweep(of(6, seeds=2), tmp_path / "s", data=clouds, on_group=seen.append)
    assert [row["status"] for row in result.rows] == ["done"] * 12
    assert len(set(values(result))) == 6
    assert [(one.finished, one.trials) for one in seen] == [(4, 12), (8, 12), (12, 12)]
    assert read_results(tmp_path / "s").rows == result.rows
    assert result.experiment(result.best()).training.epochs == 1


def test_a_stopped_sweep_goes_on_with_the_same_proposals(clouds, tmp_path):
    whole = run_sweep(of(14), tmp_path / "whole", data=clouds)
    stop = threading.Event()
    for _ in range(4):
        stop.clear()
        parts = run_sweep(
            of(14), tmp_path / "parts", data=clouds, stop=stop, on_group=lambda _: stop.set()
        )
    assert len(parts.rows) == 14
    assert values(parts) == values(whole)


def test_a_small_space_is_proposed_whole_and_nothing_twice(clouds, tmp_path):
    sweep = Sweep({"momentum": [0.0, 0.3, 0.6, 0.9]}, BASE, samples=4, sampler="tpe")
    result = run_sweep(sweep, tmp_path / "s", data=clouds)
    assert sorted(row["momentum"] for row in result.rows) == [0.0, 0.3, 0.6, 0.9]


def test_each_batch_gets_the_costs_of_those_before(clouds, tmp_path, monkeypatch):
    reported, proposals_of = [], Sampler.proposals

    def noted(self, known):
        reported.append([cost for _, cost in known])
        return proposals_of(self, known)

    monkeypatch.setattr(Sampler, "proposals", noted)
    result = run_sweep(of(8), tmp_path / "s", data=clouds)
    losses = [row["training_loss"] for row in result.rows]
    assert reported == [[], losses[:4]]


@pytest.mark.parametrize(("status", "cost"), [("done", None), ("failed", math.inf)])
def test_a_candidate_with_a_seed_in_training_has_a_cost_only_where_another_failed(
    status, cost, clouds, monkeypatch
):
    reported, proposals_of = [], Sampler.proposals

    def noted(self, known):
        reported.append([cost for _, cost in known])
        return proposals_of(self, known)

    monkeypatch.setattr(Sampler, "proposals", noted)
    sweep = of(4, seeds=2)
    trial, _ = sweep.trials.candidate(1, {"learning_rate": 0.1, "momentum": 0.5})
    entry = {"key": trial.key, "values": trial.values, "seed": trial.seed, "status": status}
    if status == "done":
        entry["figures"] = dict.fromkeys(METRICS, 0.5)
    source = proposals.Proposals(sweep, SweepRows([trial], clouds), [entry], [entry])
    assert len(source.take()) == 1
    assert len(source.take()) == 4
    assert reported == [[cost]]


def test_later_proposals_are_near_the_best_and_away_from_failures():
    space = Space.of({"learning_rate": "log 1e-4 1", "hidden": "whole 1 40", "l2": [0.0, 0.1]})
    costs = []
    reported = []
    for number in range(40):
        found = next(Sampler("tpe", space, 1).proposals(reported))
        (width,) = found["hidden"]
        distance = abs(math.log10(found["learning_rate"]) + 2) + abs(width - 10) / 10
        costs.append(distance)
        reported.append((found, math.inf if number == 3 else distance))
    assert sum(costs[-15:]) < 0.7 * sum(costs[:10]) / 10 * 15


def test_a_batch_is_a_function_of_what_is_told_and_spread():
    space = Space.of(SPACE)
    reported = [({"learning_rate": 0.1, "momentum": 0.5}, None)] * 3
    twice = []
    for _ in range(2):
        asked = Sampler("tpe", space, 5).proposals(reported)
        twice.append([next(asked) for _ in range(4)])
    assert twice[0] == twice[1]
    assert len({one["learning_rate"] for one in twice[0]}) == 4
    other = next(Sampler("tpe", space, 6).proposals(reported))
    assert other["learning_rate"] != twice[0][0]["learning_rate"]


def test_proposals_that_cannot_be_trained_are_passed_over_or_named(clouds, tmp_path):
    space = {"layers": ["dense 2, dense 1", "conv 2x3, dense 1"], "learning_rate": "log 0.01 1"}
    settings = {"backend": "reference", "epochs": 1}
    sweep = Sweep(space, settings, samples=5, sampler="tpe")
    result = run_sweep(sweep, tmp_path / "s", data=clouds)
    assert {row["layers"] for row in result.rows} == {"dense 2, dense 1"}
    assert len(result.rows) == 5
    none = Sweep({**space, "layers": space["layers"][1:]}, settings, samples=2, sampler="tpe")
    with pytest.raises(ParameterError, match=r"candidate 1 \(layers=conv 2x3, dense 1"):
        run_sweep(none, tmp_path / "none", data=clouds)


def test_without_optuna_the_error_names_the_extra_and_no_folder_is_made(
    clouds, tmp_path, monkeypatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "samplewise.sweep.results.find_spec", lambda name: None if name == "optuna" else find(name)
    )
    with pytest.raises(ParameterError, match=r"pip install 'samplewise\[optuna\]'"):
        run_sweep(of(2), tmp_path / "s", data=clouds)
    assert not (tmp_path / "s").exists()


def test_a_sampler_is_named_in_the_file(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text('sampler = "tpe"\nsamples = 3\n[space]\nlearning_rate = "log 1e-3 1"\n')
    sweep = read_sweep(path)
    assert (sweep.sampler, sweep.samples, sweep.size, sweep.trials) == ("tpe", 3, 3, ())
    assert sweep.definition["sampler"] == "tpe"
    assert "sampler" not in Sweep(SPACE, BASE, samples=3).definition


@pytest.mark.parametrize(
    ("space", "rest", "error", "message"),
    [
        (SPACE, {"samples": 3, "sampler": "tpo"}, ParameterError, "sampler: must be .* got 'tpo'"),
        ({"momentum": [0.0, 0.5]}, {"sampler": "tpe"}, ParameterError, "samples: must be given"),
        ({"momentum": [0.0]}, {"samples": 2, "sampler": "tpe"}, ParameterError, "only 1 differ"),
        (
            *(SPACE, {"samples": 2, "sampler": "tpe", "rungs": {"first": 1, "factor": 2}}),
            *(CombinationError, "sampler: rungs are given too"),
        ),
        (
            *({"data": ["iris", "digits"]}, {"samples": 2, "sampler": "tpe"}),
            *(CombinationError, r"space\.data: changes the rows"),
        ),
    ],
)
def test_a_sampler_that_could_not_compare_is_refused(space, rest, error, message):
    with pytest.raises(error, match=message):
        Sweep(space, {"epochs": 4}, **rest)
