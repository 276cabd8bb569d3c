"""The settings and the network in a history: written where somebody reads them, and then kept."""

import copy
import pickle
from dataclasses import replace
from typing import Any, get_type_hints

import pytest
from loop_problem import LABELS, NETWORK, X

from samplewise.training.history import History
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

SETTINGS = TrainingSettings(backend="vectorized", epochs=2)


@pytest.fixture
def written(monkeypatch):
    """The settings that were written, in turn."""
    found, real = [], TrainingSettings.to_options

    def counted(settings):
        found.append(settings)
        return real(settings)

    monkeypatch.setattr(TrainingSettings, "to_options", counted)
    return found


def test_no_training_writes_its_settings_unasked(written):
    train(NETWORK, X, LABELS, SETTINGS)
    assert written == []


def test_settings_are_written_once_and_may_be_changed(written):
    history = train(NETWORK, X, LABELS, SETTINGS).history
    history.settings["epochs"] = 3
    assert history.settings == {
        **SETTINGS.to_options(),
        "epochs": 3,
        "loss": "binary_cross_entropy",
    }
    assert written == [SETTINGS] * 2
    assert history.network is history.network
    assert history.network == NETWORK.to_dict()


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
)
def test_a_copy_holds_values(copied):
    history = train(NETWORK, X, LABELS, SETTINGS).history
    history.remark = "mine"
    held = vars(copied(history))
    assert held["remark"] == "mine"
    assert held["settings"]["epochs"] == 2
    assert held["network"] == NETWORK.to_dict()


def test_fields_have_the_types_of_their_values():
    assert get_type_hints(History)["settings"] == dict[str, Any]
    named = replace(train(NETWORK, X, LABELS, SETTINGS).history, network={"a": 1})
    assert (named.settings["epochs"], named.network) == (2, {"a": 1})


def test_a_history_needs_its_settings():
    with pytest.raises(TypeError, match="'settings', 'network'"):
        History("a", "")
