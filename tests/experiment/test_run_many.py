"""Experiments on the same data, at once where the backend can."""

import json

import numpy as np
import pytest

from faults.faulty_reference import FaultyBackend
from samplewise import registry
from samplewise.data.dataset import Dataset
from samplewise.errors import ParameterError, SomeDivergedError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run, run_many
from samplewise.experiment.run_folder import write_run
from samplewise.experiment.scores import scores
from samplewise.model import model as models
from samplewise.registry import Choice
from samplewise.training.callbacks import Callback

FIRST = Experiment.from_options(backend="reference", epochs=2, hidden=(4,))
EXPERIMENTS = (
    FIRST,
    FIRST.with_options(seed=7, hidden=(), learning_rate=0.3, epochs=1),
    FIRST.with_options(seed=8, hidden=(3, 2), activation="tanh", init="glorot_uniform"),
)
EXPLODING = FIRST.with_options(activation="relu", learning_rate=1e200)


@pytest.fixture(scope="module")
def data():
    """Two clouds of points."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    X = 4 * np.eye(2, 3)[labels] + rng.standard_normal((40, 3))
    names = ("left", "right")
    return prepare(FIRST, Dataset("clouds", X, labels.astype(np.int64), names, "made by the test"))


@pytest.fixture(params=["at once", "one by one"])
def many(request, monkeypatch):
    """Whether the backend trains all at once."""
    if request.param == "at once":
        choice = Choice(FaultyBackend("many"), "chosen by the test")
        monkeypatch.setattr(registry, "resolve", lambda *_: choice)
    return request.param == "at once"


def test_each_experiment_gives_what_it_gives_by_itself(many, data):
    results = run_many(EXPERIMENTS, data)
    for result, experiment in zip(results, EXPERIMENTS, strict=True):
        alone = run(experiment, data)
        assert (result.history.shared is not None) == many
        np.testing.assert_array_equal(result.model.parameters, alone.model.parameters)
        assert result.history.losses == alone.history.losses
        assert result.experiment == alone.experiment
        assert result.test_accuracy == alone.test_accuracy
        np.testing.assert_array_equal(result.confusion, alone.confusion)
        assert result.model.network == alone.model.network


def test_one_that_diverges_loses_no_other(many, data):
    with pytest.raises(SomeDivergedError, match="1 of 3 networks diverged") as caught:
        run_many([EXPERIMENTS[0], EXPLODING, EXPERIMENTS[1]], data)
    first, second, third = caught.value.results
    assert second is None
    for result, experiment in ((first, EXPERIMENTS[0]), (third, EXPERIMENTS[1])):
        assert result.test_accuracy == run(experiment, data).test_accuracy


def test_callbacks_are_told_of_their_own_experiment(many, data):
    class Counts(Callback):
        epochs = 0

        def on_epoch_end(self, record):
            self.epochs = record.epoch

    callbacks = [[Counts()] for _ in EXPERIMENTS]
    run_many(EXPERIMENTS, data, callbacks=callbacks)
    assert [calls[0].epochs for calls in callbacks] == [2, 1, 2]


def test_experiments_that_cannot_share_a_run_are_refused(data):
    other = FIRST.with_options(batch_size=4)
    with pytest.raises(ParameterError, match=r"settings\[1\] has batch_size 4"):
        run_many([FIRST, other], data)


def test_a_run_folder_says_that_its_time_was_shared(many, data, tmp_path):
    result = run_many(EXPERIMENTS, data)[1]
    write_run(result, tmp_path / "run", force=False)
    told = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (told["train_ms"] is None) == (told["epoch_ms"] is None) == many
    assert (told["samples_per_s"] is None) == many
    assert (told["shared"] is not None) == many
    if many:
        assert told["shared"]["networks"] == 3
        assert told["shared"]["index"] == 1


def test_networks_are_tested_by_one_program_for_each_shape_with_the_bits_of_their_own(
    data, monkeypatch
):
    compiled, compile_one = [], models.predicting_program
    monkeypatch.setattr(
        models,
        "predicting_program",
        lambda network, *rest: compiled.append(network) or compile_one(network, *rest),
    )
    results = run_many([FIRST, FIRST.with_options(seed=7), EXPERIMENTS[2]], data)
    assert compiled == [results[0].model.network, results[2].model.network]
    for result in results:
        alone = scores(result.model, data.test.X, data.test.targets)
        assert (result.test_loss, result.test_accuracy) == (alone.loss, alone.accuracy)


def test_experiments_with_equal_networks_share_them(many, data):
    pair = run_many([FIRST, FIRST.with_options(learning_rate=0.3)], data)
    assert pair[0].model.network is pair[1].model.network
    assert run(FIRST.with_options(activation="tanh"), data).model.network != pair[0].model.network
