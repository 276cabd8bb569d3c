"""An experiment is checked when it is built."""

import dataclasses

import pytest

from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment


def test_the_defaults_are_the_reports_final_network():
    data, network, training = Experiment().data, Experiment().network, Experiment().training
    assert (network.hidden, training.learning_rate, training.epochs) == ((10,), 0.1, 10)
    assert (training.batch_size, training.shuffle, training.init) == (1, False, "normal")
    assert (training.dtype, data.test_fraction, network.activation) == ("float64", 0.2, "sigmoid")


def test_an_experiment_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Experiment().training.epochs = 3


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
        Experiment.from_options(**wrong)


def test_lists_numbers_and_paths_are_taken_as_what_they_mean(tmp_path):
    given = Experiment.from_options(hidden=[32, 8], classes=["4", "9"], data=tmp_path / "rows.csv")
    assert given == Experiment.from_options(
        hidden=(32, 8), classes=("4", "9"), data=str(tmp_path / "rows.csv")
    )
    assert Experiment.from_options(hidden=32).network.hidden == (32,)
