"""An experiment is checked when it is built."""

import dataclasses

import pytest

from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment


def test_the_defaults_are_the_reports_final_network():
    experiment = Experiment()
    assert (experiment.hidden, experiment.learning_rate, experiment.epochs) == ((10,), 0.1, 10)
    assert (experiment.batch_size, experiment.shuffle, experiment.init) == (1, False, "normal")
    assert (experiment.dtype, experiment.split, experiment.activation) == (
        "float64",
        0.2,
        "sigmoid",
    )


def test_an_experiment_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Experiment().epochs = 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": ""},
        {"data": None},
        {"classes": ("4",)},
        {"classes": ("4", 9)},
        {"classes": "49"},
        {"preprocess": "whiten"},
        {"split": 0},
        {"split": 1.0},
        {"stratify": "yes"},
        {"hidden": (0,)},
        {"hidden": (10, -1)},
        {"hidden": "10"},
        {"activation": "relu6"},
        {"learning_rate": float("inf")},
    ],
)
def test_a_value_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Experiment(**wrong)


def test_lists_numbers_and_paths_are_taken_as_what_they_mean(tmp_path):
    given = Experiment(hidden=[32, 8], classes=["4", "9"], data=tmp_path / "rows.csv")
    assert given == Experiment(hidden=(32, 8), classes=("4", "9"), data=str(tmp_path / "rows.csv"))
    assert Experiment(hidden=32).hidden == (32,)
