"""A run records its plan, and has the same bits again whatever rates the planner goes by then."""

import dataclasses
import threading

import numpy as np
import pytest

from samplewise.contract import Plan
from samplewise.data.dataset import Dataset
from samplewise.errors import ParameterError, SnapshotError
from samplewise.experiment.config_file import effective, write_config
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.explanation import explain
from samplewise.experiment.run import run, run_many
from samplewise.network import multilayer_perceptron
from samplewise.training.idle_programs import IDLE
from samplewise.training.train import train
from samplewise_backends.numba_cpu.kernels.products import TILED
from samplewise_backends.numba_cpu.planner import calibration

ROWS, INPUTS = 100, 90


def rates(level, **times):
    """Return built-in rates of a level, some of them so many times as large."""
    found = calibration.built_in_rates("float32", level)
    changed = {name: scaled(getattr(found, name), factor) for name, factor in times.items()}
    return dataclasses.replace(found, **changed)


def scaled(value, factor):
    if isinstance(value, tuple):
        return tuple(scaled(one, factor) for one in value)
    return value * factor


def slow_tiles(rates):
    """Return rates by which values take a tenth of the speed in tiles."""
    values = list(rates.values)
    values[TILED] = scaled(values[TILED], 0.1)
    return dataclasses.replace(rates, values=tuple(values))


TILES = rates("x86-64-v4", weight=50)
LOOPS = slow_tiles(rates("x86-64-v3", weight=50))
DUAL = rates("x86-64-v3", weight=500, gram=0.01)
DIRECT = rates("x86-64-v3", weight=0.01)
PAIRS = [(LOOPS, TILES), (TILES, DUAL), (DUAL, DIRECT), (DIRECT, LOOPS)]
IDS = ["loops", "tiles", "dual", "direct"]


def data():
    """Rows of two classes that overlap."""
    rng = np.random.default_rng(0)
    labels = np.arange(ROWS) % 2
    X = rng.standard_normal((ROWS, INPUTS)) + 0.2 * labels[:, None]
    return Dataset("rows", X, labels.astype(np.int64), ("a", "b"), "made by the test")


def experiment(**changes):
    given = {"backend": "numba_cpu", "dtype": "float32", "epochs": 3, "hidden": (10,), **changes}
    return Experiment.from_options(**given)


@pytest.fixture
def go_by(tmp_path, monkeypatch):
    """Let the planner go by rates that lie in a cache folder, as a new process would."""

    def use(rates):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        calibration.write(folder / "rates-float32.json", rates)
        monkeypatch.setattr(calibration, "cache_folder", lambda: folder)
        monkeypatch.setattr(calibration, "_known", {})
        IDLE.clear()

    return use


@pytest.mark.parametrize(("here", "there"), PAIRS, ids=IDS)
def test_a_run_from_the_recorded_configuration_has_the_same_bits(go_by, tmp_path, here, there):
    go_by(here)
    first = run(experiment(), data())
    go_by(there)
    free = run(experiment(), data())
    # The case is one where it matters.
    assert Plan(**free.history.plan).spec != Plan(**first.history.plan).spec
    assert free.model.parameters.tobytes() != first.model.parameters.tobytes()
    path = tmp_path / "config.toml"
    path.write_text(write_config(first.experiment))
    again = run(effective({}, path), data())
    assert again.model.parameters.tobytes() == first.model.parameters.tobytes()
    assert again.history.losses == first.history.losses
    assert again.experiment == first.experiment


@pytest.mark.parametrize(("here", "there"), PAIRS, ids=IDS)
def test_an_interrupted_training_goes_on_by_its_plan(go_by, here, there):
    given = data()
    network, settings = multilayer_perceptron(INPUTS, (10,), 1), experiment().training
    stop = threading.Event()

    def after_an_epoch(record):
        stop.set()

    go_by(here)
    whole = train(network, given.X, given.labels, settings)
    part = train(network, given.X, given.labels, settings, callbacks=after_an_epoch, stop=stop)
    go_by(there)
    rest = train(network, given.X, given.labels, settings, initial=part.snapshot)
    assert rest.parameters.tobytes() == whole.parameters.tobytes()
    spec = Plan(**whole.history.plan).spec
    assert Plan(**rest.history.plan).spec == spec
    # With the plan named, as the configuration of the run has it.
    named = dataclasses.replace(settings, plan=str(spec))
    rest = train(network, given.X, given.labels, named, initial=part.snapshot)
    assert rest.parameters.tobytes() == whole.parameters.tobytes()
    other = dataclasses.replace(settings, plan="direct" if spec.name == "dual" else "dual")
    with pytest.raises(SnapshotError, match="plan.name must be that of this training"):
        train(network, given.X, given.labels, other, initial=part.snapshot)


@pytest.mark.parametrize(("here", "there"), PAIRS[:3], ids=IDS[:3])
def test_networks_at_once_record_the_plan_of_all(go_by, here, there):
    each = [experiment(seed=seed, hidden=(10 + seed,)) for seed in range(4)]
    go_by(here)
    first = run_many(each, data())
    go_by(there)
    again = run_many([one.experiment for one in first], data())
    free = run_many(each, data())
    for one, same, other in zip(first, again, free, strict=True):
        assert one.experiment.training.plan == first[0].experiment.training.plan != "auto"
        assert same.model.parameters.tobytes() == one.model.parameters.tobytes()
        assert other.model.parameters.tobytes() != one.model.parameters.tobytes()


@pytest.mark.parametrize("measure", [True, False])
def test_an_explanation_names_the_plan_that_the_run_records(go_by, measure):
    go_by(LOOPS)
    wanted = run(experiment(), data()).experiment
    found = explain(experiment(), data(), measure=measure)
    assert found.experiment == wanted
    assert found.experiment.training.plan == str(found.plan.spec)


@pytest.mark.parametrize("changes", [{"backend": "vectorized"}, {"optimizer": "adam"}], ids=str)
def test_other_backends_and_optimizers_record_a_plan_that_they_take_again(changes):
    first = run(experiment(**changes), data())
    again = run(first.experiment, data())
    assert again.experiment == first.experiment
    assert again.model.parameters.tobytes() == first.model.parameters.tobytes()


def test_a_block_of_the_vectorized_backend_is_taken_in_whole_batches_and_recorded():
    chosen = experiment(backend="vectorized", plan="blocked:50", batch_size=16)
    found = run(chosen, data())
    assert found.experiment.training.plan == "blocked:48"
    wanted = run(experiment(backend="reference", batch_size=16), data())
    np.testing.assert_allclose(found.model.parameters, wanted.model.parameters, atol=1e-5)


def test_the_vectorized_backend_refuses_products_of_another():
    chosen = experiment(backend="vectorized", plan="blocked:32:tiled+loops")
    with pytest.raises(ParameterError, match="in one way, got 'tiled\\+loops'; use blocked:32 or"):
        run(chosen, data())
