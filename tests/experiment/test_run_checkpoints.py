"""The checkpoints of an experiment beside its run folder."""

import threading

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.errors import OutputError, SnapshotError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run
from samplewise.experiment.run_checkpoints import RunCheckpoints, config_of


@pytest.fixture
def stopped(tmp_path):
    """An experiment, the folder of its run, and its rows, after a stop that left checkpoints."""
    rows = Dataset(
        "r", np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2, ("a", "b")
    )
    experiment, stop = Experiment.from_options(backend="vectorized", epochs=9), threading.Event()
    out, data = tmp_path / "run", prepare(experiment, rows)
    checkpoints = RunCheckpoints(out, "1")
    checkpoints.begin(experiment, force=False)
    checkpoints.check_test_rows(data.test)
    hooks = [checkpoints.callback, lambda record: stop.set() if record.epoch == 3 else None]
    run(experiment, data, callbacks=hooks, stop=stop)
    assert checkpoints.callback.snapshot() is not None
    return experiment, out, data


def test_a_new_run_keeps_nothing_of_the_one_before(stopped):
    experiment, out, data = stopped
    again = RunCheckpoints(out, "2")
    with pytest.raises(OutputError, match="holds checkpoints of a run that did not end"):
        again.begin(experiment, force=False)
    again.begin(experiment, force=True)
    assert again.callback.snapshot() is None
    again.check_test_rows(data.training)


def test_a_run_that_goes_on_keeps_interval_and_test_rows(stopped):
    experiment, out, data = stopped
    assert config_of(out).is_file()
    again = RunCheckpoints(out, None)
    again.check_test_rows(data.test)
    with pytest.raises(SnapshotError, match="test rows must be those that the run began with"):
        again.check_test_rows(data.training)
    whole = run(experiment, data)
    found = run(experiment, data, initial=again.callback.snapshot(), callbacks=again.callback)
    np.testing.assert_array_equal(found.model.parameters, whole.model.parameters)
    again.remove()
    assert not list(out.parent.iterdir())
    with pytest.raises(OutputError, match=r"has no config\.toml to go on from"):
        config_of(out)
