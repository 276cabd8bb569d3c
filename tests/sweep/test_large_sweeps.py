"""A large sweep makes its trials as it trains them, and is the sweep that it would be otherwise."""

from collections import Counter

import numpy as np
import pytest
import simulation

from samplewise.errors import ParameterError
from samplewise.sweep import executors, groups, trials
from samplewise.sweep.definition import Sweep
from samplewise.sweep.groups import PlannedTrial, PlannedTrials
from samplewise.sweep.journal import Journal
from samplewise.sweep.rows import DATA_WORDS, SweepRows
from samplewise.sweep.run import run_sweep
from samplewise.sweep.snapshots import Snapshots
from samplewise.sweep.sources import source_of
from samplewise.sweep.training import TrainedGroup, entries_of

BASE = {"backend": "reference", "hidden": (4,), "epochs": 1}
MIXED = {"learning_rate": [0.1, 0.2, 0.3, 0.4], "batch_size": [1, 2, 4]}
RUNGS = {"first": 1, "factor": 4}
CONTRADICTORY = {"optimizer": ["adam", "sgd"], "momentum": [None, 0.5]}


@pytest.fixture
def few(monkeypatch):
    """Let a sweep of more than four trials be a large one."""
    monkeypatch.setattr(trials, "ALL", 4)
    monkeypatch.setattr(trials, "SOME", 1)
    monkeypatch.setattr(groups, "AHEAD", 16)
    monkeypatch.setattr(groups, "MOST", 4)
    monkeypatch.setattr(groups, "FIRST", 4)


@pytest.fixture
def made(monkeypatch):
    """The trials that were made, by their names."""
    found, make = [], trials.Trials._trial

    def counted(self, *place):
        found.append(place)
        return make(self, *place)

    monkeypatch.setattr(trials.Trials, "_trial", counted)
    return found


def source(sweep, rows, folder, entries=()):
    plan = PlannedTrials(sweep.trials, SweepRows(sweep.trials.differing(DATA_WORDS), rows))
    plan.check()
    return source_of(sweep, plan, None, entries, Snapshots(folder), retry_failed=False)


def taken(source):
    found = []
    while group := source.take():
        found.append(group)
        source.took(group, (), 1e-6)
    return found


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("rest", [{}, {"samples": 200_000}, {"rungs": RUNGS}])
def test_of_a_million_trials_few_are_made_before_the_first_group(clouds, tmp_path, made, rest):
    values = np.linspace(0.001, 0.9, 1000).tolist()
    seeds = 5 if "samples" in rest else 1
    space, base = {"learning_rate": values, "momentum": values}, {**BASE, "epochs": 10}
    sweep = Sweep(space, base, seeds=seeds, **rest)
    group = source(sweep, clouds, tmp_path).take()
    assert (sweep.size, len(group)) == (1_000_000, 4)
    assert len(made) < 30


@pytest.mark.parametrize(
    ("space", "rest"),
    [
        ({"learning_rate": [0.1, 0.2, 0.3], "hidden": [2, [3, 1]]}, {"seeds": [4, 2]}),
        ({"learning_rate": [0.1, 0.2]}, {"seeds": 3, "own_seeds": True}),
        ({"seed": [5, 3], "momentum": [None, 0.5]}, {}),
        ({"learning_rate": "log 0.01 1", "momentum": [0.0, 0.5]}, {"samples": 5, "seeds": 2}),
    ],
)
def test_the_line_of_a_trial_leads_back_to_it(space, rest):
    sweep = Sweep(space, **rest)
    lines = [{"values": one.values, "seed": one.seed} for one in sweep.trials]
    assert [sweep.trials.place(line) for line in lines] == list(range(len(sweep.trials)))
    again = Sweep(space, **rest)
    assert again.trials.place(lines[-1]) == len(lines) - 1
    assert sweep.trials.place({**lines[0], "seed": 99}) is None
    assert sweep.trials.place({"values": {"epochs": 1}, "seed": 0}) is None


def test_trials_are_a_sequence():
    found = Sweep(MIXED, seeds=2).trials
    assert found[-1] == found[len(found) - 1] == list(found)[-1]
    assert found[2:5] == tuple(found)[2:5]
    assert found == list(found) != list(found)[:-1]
    with pytest.raises(IndexError):
        found[len(found)]


@pytest.mark.usefixtures("few")
def test_trials_of_one_product_come_together_though_their_factor_varies_fastest(clouds, tmp_path):
    space = {"learning_rate": np.linspace(0.1, 1, 16).tolist(), "batch_size": [1, 2, 4]}
    sweep = Sweep(space, BASE, seeds=2)
    found = taken(source(sweep, clouds, tmp_path))
    assert all(len({one.shares for one in group}) == 1 for group in found)
    assert [len(group) for group in found] == [4] * 24
    order = [one.trial.values["batch_size"] for group in found for one in group]
    assert order == sorted(order)
    keys = Counter(one.trial.key for group in found for one in group)
    assert keys == Counter(one.key for one in sweep.trials)


def test_groups_are_full_where_trials_come_in_any_order(monkeypatch):
    monkeypatch.setattr(groups, "AHEAD", 60)
    monkeypatch.setattr(groups, "MOST", 4)
    one, rng = Sweep({"epochs": [1]}).trials[0], np.random.default_rng(0)
    planned = [PlannedTrial(one, int(rng.integers(8)), 10) for _ in range(2000)]
    found = taken(groups.Groups(planned, seconds_of_work=1e-9))
    assert sum(map(len, found)) == 2000
    assert np.mean([len(group) for group in found[:-16]]) > 3.9


@pytest.mark.usefixtures("few")
def test_a_large_sweep_goes_on_with_what_its_journal_lacks(clouds, tmp_path):
    sweep = Sweep(MIXED, BASE, seeds=2)
    first, second, *rest = taken(source(sweep, clouds, tmp_path))
    journal = Journal(tmp_path / "journal.jsonl", sweep.definition, "rows")
    for group in (first, second):
        journal.append(*entries_of(group, [simulation.RESULT] * len(group)))
    again = taken(source(sweep, clouds, tmp_path, journal))
    assert [[one.trial.key for one in group] for group in again] == [
        [one.trial.key for one in group] for group in rest
    ]


@pytest.mark.usefixtures("few")
def test_later_rungs_count_in_the_time_that_is_left_by_the_epochs_of_their_trials(clouds, tmp_path):
    sweep = Sweep(
        {"learning_rate": np.linspace(0.1, 1, 32).tolist()},
        {**BASE, "epochs": 8},
        seeds=2,
        rungs=RUNGS,
    )
    rungs = source(sweep, clouds, tmp_path)
    assert rungs.seconds_left is None
    rungs.took(rungs.take(), (), 2.0)
    # Of two seeds each, 60 more train an epoch, 16 go on for 3, and 4 of these for 4; 4 networks
    # took 2 s for one.
    assert rungs.seconds_left == pytest.approx((60 + 16 * 3 + 4 * 4) / 2)


@pytest.mark.usefixtures("few")
def test_a_candidate_that_turns_out_not_to_be_valid_is_failed_and_named(
    clouds, tmp_path, monkeypatch
):
    def fake(trials, rows):
        del rows
        return TrainedGroup([simulation.RESULT] * len(trials), [None] * len(trials), 1.0, 1.0)

    monkeypatch.setattr(executors, "train_group", fake)
    sweep = Sweep(CONTRADICTORY, BASE, seeds=2)
    rows = run_sweep(sweep, tmp_path / "sweep", data=clouds).rows
    assert [row["status"] for row in rows] == ["done"] * 2 + ["failed"] * 2 + ["done"] * 4
    assert "candidate 2 (optimizer=adam, momentum=0.5): momentum is 0.5, but" in rows[2]["reason"]
    before = (tmp_path / "sweep" / "journal.jsonl").read_bytes()
    assert run_sweep(sweep, tmp_path / "sweep", data=clouds).rows == rows
    assert (tmp_path / "sweep" / "journal.jsonl").read_bytes() == before


@pytest.mark.usefixtures("few")
def test_of_a_large_sweep_each_value_is_checked_with_the_first_ones_of_the_others(monkeypatch):
    monkeypatch.setattr(trials, "SOME", 5)
    with pytest.raises(ParameterError, match=r"candidate 4 \(optimizer=adam, momentum=0\.5"):
        Sweep({**CONTRADICTORY, "epochs": [1, 2, 3]})
