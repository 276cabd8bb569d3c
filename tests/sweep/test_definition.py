"""Which trials a sweep has, and every error that is found before the first of them is trained."""

import json

import numpy as np
import pytest

from samplewise.errors import CombinationError, ConfigError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.sweep.definition import Sweep, read_sweep

RATES = {"learning_rate": [0.01, 0.1]}


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "sweep.toml"
        path.write_text(text)
        return path

    return written


def test_lists_are_a_grid_and_seeds_are_repeats():
    sweep = Sweep({"hidden": [[4], [8, 2]], **RATES}, {"data": "iris", "seed": 3}, seeds=2)
    found = [
        (one.candidate, one.experiment.network.hidden, one.values["learning_rate"], one.seed)
        for one in sweep.trials
    ]
    assert found == [
        *((1, (4,), 0.01, 3), (1, (4,), 0.01, 4), (2, (4,), 0.1, 3), (2, (4,), 0.1, 4)),
        *((3, (8, 2), 0.01, 3), (3, (8, 2), 0.01, 4), (4, (8, 2), 0.1, 3), (4, (8, 2), 0.1, 4)),
    ]
    assert sweep.trials[1].experiment == Experiment.from_options(
        data="iris", hidden=(4,), learning_rate=0.01, seed=4, split_seed=3
    )


def test_a_file_describes_the_same_sweep(write):
    path = write(
        "seeds = [5, 1]\n[settings]\ndata = 'iris'\nbatch-size = 4\n"
        "[space]\nlearning-rate = [0.01, 0.1]\nhidden = [4, [8, 2]]\n"
    )
    space = {**RATES, "hidden": [(4,), (8, 2)]}
    expected = Sweep(space, Experiment.from_options(data="iris", batch_size=4), seeds=[5, 1])
    assert read_sweep(path).trials == expected.trials
    assert read_sweep(path).definition["space"] == expected.definition["space"]


def test_repeats_share_the_test_rows_unless_each_is_to_draw_its_own():
    shared = Sweep(RATES, {"seed": 7}, seeds=3)
    assert {trial.experiment.data.split_seed for trial in shared.trials} == {7}
    given = Sweep(RATES, {"split_seed": 1}, seeds=3)
    assert {trial.experiment.data.split_seed for trial in given.trials} == {1}
    own = Sweep(RATES, seeds=3, own_splits=True)
    assert {trial.experiment.data.split_seed for trial in own.trials} == {None}


def test_seeds_of_their_own_are_counted_on_from_candidate_to_candidate():
    sweep = Sweep(RATES, {"seed": 7}, seeds=3, own_seeds=True)
    assert [(one.candidate, one.seed) for one in sweep.trials] == [
        *((1, 7), (1, 8), (1, 9)),
        *((2, 10), (2, 11), (2, 12)),
    ]
    assert {trial.experiment.data.split_seed for trial in sweep.trials} == {7}
    shared = Sweep(RATES, {"seed": 7}, seeds=3)
    assert shared.definition != sweep.definition


@pytest.mark.parametrize(
    ("given", "low", "high", "kind"),
    [
        ("log 1e-4 1e-1", 1e-4, 1e-1, float),
        ({"uniform": [0.5, 1]}, 0.5, 1.0, float),
    ],
)
def test_a_range_is_drawn_within_its_ends_and_more_draws_begin_with_the_same(
    given, low, high, kind
):
    drawn = [
        one.values["learning_rate"] for one in Sweep({"learning_rate": given}, samples=40).trials
    ]
    assert all(type(value) is kind and low <= value <= high for value in drawn)
    assert len(set(drawn)) == 40
    few = Sweep({"learning_rate": given}, samples=5).trials
    assert [one.values["learning_rate"] for one in few] == drawn[:5]
    other = Sweep({"learning_rate": given}, samples=5, sample_seed=1).trials
    assert other[0].values["learning_rate"] != drawn[0]
    middle = (low * high) ** 0.5 if "log" in given else (low + high) / 2
    assert 10 <= sum(value < middle for value in drawn) <= 30


@pytest.mark.parametrize("kind", ["whole", "log_whole"])
def test_whole_numbers_are_drawn_with_both_ends_and_are_widths_of_one_layer(kind):
    trials = Sweep({"hidden": f"{kind} 1 6"}, samples=6).trials
    assert {trial.experiment.network.hidden for trial in trials} == {(n,) for n in range(1, 7)}


def test_the_order_of_the_factors_changes_no_draw():
    space = {"momentum": "uniform 0 0.9", **RATES}
    other = dict(reversed(space.items()))
    first, second = (Sweep(each, samples=5).trials for each in (space, other))
    assert [trial.key for trial in first] == [trial.key for trial in second]


def test_samples_of_a_grid_are_different_candidates():
    trials = Sweep({"epochs": list(range(1, 11)), **RATES}, samples=15).trials
    assert len({(one.values["epochs"], one.values["learning_rate"]) for one in trials}) == 15


def test_numbers_of_numpy_are_values():
    space = {"learning_rate": np.logspace(-2, -1, 2), "epochs": np.arange(1, 3)}
    sweep = Sweep(space, samples=np.int64(2), sample_seed=np.int64(1), seeds=np.int64(2))
    assert [type(value) for value in sweep.trials[0].values.values()] == [float, int]
    json.dumps(sweep.definition)


def test_a_key_is_that_of_all_settings_and_of_nothing_else():
    one = Sweep({"epochs": [1, 2]}, {"learning_rate": 0.1}).trials
    same = Sweep({"learning_rate": [0.3, 0.1]}, {"epochs": 1}).trials
    assert one[0].key == same[1].key
    assert len({trial.key for trial in (*one, same[0])}) == 3
    assert Sweep({"epochs": [1]}, {"seed": 1}).trials[0].key != one[0].key


@pytest.mark.parametrize(
    ("space", "rest", "message"),
    [
        ({}, {}, "space: must name at least one setting, got {}; write"),
        (
            {"learnig_rate": [1]},
            {},
            "'learnig_rate' is not a setting; did you mean 'learning_rate'",
        ),
        ({"epochs": []}, {}, r"space\.epochs: is an empty list"),
        ({"epochs": 3}, {}, r"space\.epochs: must be a list of values, .*, got 3$"),
        ({"epochs": "log 1"}, {}, "must be a list of values, or a range .* got 'log 1'"),
        ({"epochs": {"lag": [1, 2]}}, {}, "ranges are uniform, log, whole, log_whole"),
        ({"learning_rate": "log 0 1"}, {}, "from a number above 0 to a larger one, got 'log 0 1'"),
        ({"learning_rate": "uniform 1 nan"}, {}, "a range goes from a number"),
        ({"epochs": "whole 1.5 2"}, {"samples": 1}, "its ends must be whole"),
        ({"epochs": "whole 0 2"}, {"samples": 1}, r"space\.epochs: epochs: must be .* got 0"),
        ({"epochs": "uniform 1 2"}, {"samples": 1}, "got 1.0; write whole for a range of whole"),
        ({"hidden": "log 4 64"}, {"samples": 1}, "; write log_whole for a range of whole numbers"),
        ({"optimizer": "log 4 64"}, {"samples": 1}, "optimizer: must be a text in quotes, got 4$"),
        ({"epochs": [1, "2"]}, {}, r"space\.epochs\[1\]: epochs: must be .* got '2'"),
        (
            {"learning_rate": [0.1, -1]},
            {},
            r"space\.learning_rate\[1\]: .* must be .* got -1",
        ),
        ({"epochs": [1, 2, 1]}, {}, r"space\.epochs\[2\]: is 1, as \[0\] is; keep one"),
        ({"epochs": [1]}, {"settings": {"epochs": 2}}, "is also one of the settings"),
        ({"seed": [1, 2]}, {"seeds": 2}, r"space\.seed: seeds is given too"),
        ({"split_seed": [1, 2]}, {"own_splits": True}, "split_seed is given too"),
        ({"seed": [1, 2]}, {"own_seeds": True}, "space.seed: own_seeds is given too"),
        (RATES, {"own_seeds": True, "seeds": [1, 2]}, "but seeds lists them; give their number"),
        ({"hidden": [4]}, {"settings": {"layers": "dense 2"}}, "hidden would change nothing"),
        ({"learning_rate": "log 1e-3 1"}, {}, "samples: must be given"),
        ({"epochs": [1, 2]}, {"samples": 3}, "only 2 different candidates"),
        ({"epochs": [1]}, {"seeds": []}, "seeds: must be different seeds"),
        ({"epochs": [1]}, {"seeds": [1, 1]}, "seeds: must be different seeds"),
        ({"epochs": [1]}, {"seeds": 0}, "seeds: must be .* got 0"),
        (
            {"optimizer": ["sgd", "adam"], "momentum": [0.5, 0.9]},
            {},
            r"candidate 3 \(optimizer=adam, momentum=0\.5\): momentum is 0\.5, but optimizer adam",
        ),
        (
            {"momentum": [None, 0.0]},
            {},
            r"candidates 1 \(momentum=None\) and 2 \(momentum=0\.0\) are the same experiment",
        ),
        (
            {"momentum": [None, 0.0]},
            {"seeds": 3},
            r"candidates 1 \(momentum=None\) and 2 \(momentum=0\.0\) are the same experiment",
        ),
    ],
)
def test_a_wrong_space_is_refused_and_says_where(space, rest, message):
    with pytest.raises(ParameterError, match=message):
        Sweep(space, **rest)


def test_a_thousand_million_trials_are_refused_with_their_number_at_once():
    space = {
        "epochs": list(range(1, 1001)),
        "batch_size": list(range(1, 1001)),
        "hidden": list(range(1, 101)),
    }
    with pytest.raises(ParameterError, match="has 1,000,000,000 trials, 100,000,000 candidates"):
        Sweep(space, seeds=10)
    with pytest.raises(ParameterError, match=r"1 seed each, at most .*; ask for fewer samples"):
        Sweep({"learning_rate": "log 1e-3 1e-1"}, samples=10**9)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("[spase]\nepochs = [1]", ConfigError, "unknown key 'spase'; did you mean 'space'"),
        ("epochs = [1]", ConfigError, r"those that vary to \[space\]"),
        ("[settings]\nepoch = 1\n[space]\nbatch_size = [1]", ConfigError, "unknown word 'epoch'"),
        ("settings = 3", ConfigError, "settings must be a table"),
        ("[space]\nepochs = [0]", ParameterError, r"epochs: must be .* got 0 \(in .*sweep.toml\)"),
        ("seeds = 2\n[space]\nseed = [0]", CombinationError, r"seeds is given too.*sweep.toml"),
        ("", ConfigError, "is empty"),
        ("[space", ConfigError, "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(write, text, kind, message):
    with pytest.raises(kind, match=message):
        read_sweep(write(text))
