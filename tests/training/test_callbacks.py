"""Callbacks: functions, reasons to stop, and the end that every one of them hears of."""

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X
from many_backend import ManyBackend

from samplewise.errors import DivergenceError, ParameterError
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

if TYPE_CHECKING:
    from samplewise.model.model import Model
    from samplewise.training.history import EpochRecord

SETTINGS = TrainingSettings(backend="vectorized", epochs=3)


class Ends(Callback):
    """Keeps the reason that it hears at the end."""

    def __init__(self, raises=None):
        self.heard, self.raises = [], raises

    def on_train_end(self, history):
        self.heard.append(history.stopped)
        if self.raises is not None:
            raise self.raises


class Begins(Callback):
    def on_train_begin(self, history):
        raise OSError("no begin")


def trained(*callbacks, **changes):
    chosen = TrainingSettings.from_options(**{"backend": "vectorized", "epochs": 3, **changes})
    return train(NETWORK, X, LABELS, chosen, callbacks=callbacks).history


def raising(record):
    raise LookupError(f"epoch {record.epoch}")


def test_a_function_is_called_with_the_record_of_each_epoch():
    records = []
    history = trained(records.append)
    assert records == history.epochs
    alone = train(NETWORK, X, LABELS, SETTINGS, callbacks=records.append)
    assert records[3:] == alone.history.epochs


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Python evaluates annotations at once")
def test_a_function_may_be_annotated_by_what_only_type_checkers_import():
    models = []

    def keep(record: EpochRecord, model: Model) -> None:
        models.append(model)

    trained(keep)
    assert len(models) == 3


@pytest.mark.parametrize(
    ("returned", "stopped", "epochs"),
    [
        (None, "finished", 3),
        (False, "finished", 3),
        (np.False_, "finished", 3),
        (True, "callback", 1),
        (np.True_, "callback", 1),
        ("enough", "enough", 1),
    ],
)
def test_what_a_callback_returns_stops_training_or_lets_it_go_on(returned, stopped, epochs):
    history = trained(lambda record: returned)
    assert (history.stopped, len(history.epochs)) == (stopped, epochs)


@pytest.mark.parametrize("returned", [0, 1, 0.5, {}])
def test_a_number_is_no_reason_to_stop(returned):
    wanted = "must return None or False to continue, True or a reason to stop, got"
    with pytest.raises(ParameterError, match=f"{wanted} {returned}$"):
        trained(lambda record: returned)


@pytest.mark.parametrize("position", [0, 1])
def test_every_callback_hears_of_the_end_where_one_raises(position):
    ends, other = Ends(), Ends()
    hooks = [ends, other]
    hooks.insert(position, raising)
    with pytest.raises(LookupError, match="epoch 1") as caught:
        trained(*hooks)
    assert ends.heard == other.heard == ["failed"]
    assert caught.type is LookupError


def test_one_that_raises_at_the_end_keeps_no_other_from_hearing():
    first, second = Ends(OSError("first")), Ends(OSError("second"))
    with pytest.raises(OSError, match="first") as caught:
        trained(first, second)
    assert first.heard == second.heard == ["finished"]
    assert "second" in caught.value.__notes__[0]
    with pytest.raises(LookupError) as caught:
        trained(raising, first)
    assert "first" in caught.value.__notes__[0]


def test_only_those_that_heard_of_the_begin_hear_of_the_end():
    before, after = Ends(), Ends()
    with pytest.raises(OSError, match="no begin"):
        trained(before, Begins(), after)
    assert (before.heard, after.heard) == (["failed"], [])


def test_the_end_of_training_that_diverged_is_heard():
    ends = Ends()
    with pytest.raises(DivergenceError):
        trained(ends, loss="mean_squared_error", learning_rate=1e200)
    assert ends.heard == ["diverged"]


def test_callbacks_of_networks_at_once_hear_of_what_one_of_them_raises(monkeypatch):
    ManyBackend(many=True).chosen_by(monkeypatch)
    ends = [Ends(), Ends()]
    chosen = TrainingSettings(epochs=2)
    with pytest.raises(LookupError):
        train_many([NETWORK] * 2, X, LABELS, chosen, callbacks=[[ends[0], raising], ends[1]])
    assert [one.heard for one in ends] == [["failed"], ["failed"]]


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([Callback], "must be instances, got the class Callback; write Callback"),
        ([dict], "must be instances, got the class dict; write dict"),
        ([None], "callbacks: must be instances of samplewise.Callback, .* got None"),
        ("print", "callbacks: must be .* got 'print'"),
    ],
)
def test_what_is_no_callback_is_refused(callbacks, message):
    with pytest.raises(ParameterError, match=message):
        train(NETWORK, X, LABELS, SETTINGS, callbacks=callbacks)


def test_one_settings_serves_all_networks():
    shared = train_many([NETWORK, NETWORK], X, LABELS, SETTINGS)
    each = train_many([NETWORK, NETWORK], X, LABELS, [SETTINGS, SETTINGS])
    for one, other in zip(shared, each, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)


def test_the_epoch_that_ends_a_training_is_told_too():
    records = []
    chosen = TrainingSettings.from_options(backend="reference", epochs=3, target_loss=1e9)
    history = train(NETWORK, X, LABELS, chosen, callbacks=records.append).history
    assert (history.stopped, len(history.epochs)) == ("target_loss", 1)
    assert records == history.epochs
