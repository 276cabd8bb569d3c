"""A custom activation, loss or optimizer in a process that has not registered it."""

import pickle

import joblib
import numpy as np
import pytest

from samplewise import (
    Checkpoint,
    Dense,
    Experiment,
    Network,
    Sweep,
    TrainingSettings,
    load_model,
    read_results,
    register_activation,
    register_loss,
    register_optimizer,
    run_sweep,
    save_model,
    train,
)
from samplewise.errors import SamplewiseError
from samplewise.experiment.config_file import read_config, write_config
from samplewise.network import OPTIMIZERS
from samplewise.network.activations import CUSTOM
from samplewise.network.losses import LOSSES

X = np.random.default_rng(0).standard_normal((12, 3))
KINDS = ("activation", "loss", "optimizer")


@pytest.fixture(autouse=True)
def nothing_of_one_s_own():
    """Leave nothing registered."""
    yield
    forget()


def register():
    # The name is like that of a built-in one, which is suggested then.
    register_activation("my_relu", lambda z: 2 * np.maximum(z, 0), lambda z: 2.0 * (z > 0))
    register_loss("my_poisson", lambda z, y: 0.5 * ((z - y) ** 2).sum(1), lambda z, y: z - y)
    register_optimizer("my_adam", lambda g, v, t: (g, v))


def forget():
    for table, name in ((CUSTOM, "my_relu"), (LOSSES, "my_poisson"), (OPTIMIZERS, "my_adam")):
        table.pop(name, None)


WORDS = {
    "activation": {"activation": "my_relu"},
    "loss": {"loss": "my_poisson"},
    "optimizer": {"optimizer": "my_adam"},
}


def refused(kind, call, *given, **named):
    with pytest.raises(SamplewiseError) as caught:
        call(*given, **named)
    remedy = f"register a custom one with samplewise.register_{kind} first, in each process"
    assert remedy in str(caught.value)
    assert "?;" not in str(caught.value)


def trained(kind, **named):
    activation = "my_relu" if kind == "activation" else "relu"
    words = {} if kind == "activation" else WORDS[kind]
    settings = TrainingSettings.from_options(epochs=2, init="he_normal", **words)
    network = Network((3,), (Dense(4, activation), Dense(1)))
    targets = X[:, 0] if kind == "loss" else np.arange(12) % 2
    return train(network, X, targets, settings, **named)


@pytest.mark.parametrize("kind", ["activation", "loss"])
def test_a_model_file(kind, tmp_path):
    register()
    save_model(trained(kind).model(), tmp_path / "m.safetensors")
    forget()
    refused(kind, load_model, tmp_path / "m.safetensors")


def predict(model):
    return model.predict(X)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_refused_where_its_kind_is_not_registered(kind):
    register()
    model = trained(kind).model()
    settings = pickle.dumps(TrainingSettings.from_options(**WORDS["optimizer"]))
    packed = pickle.dumps(model)
    forget()
    if kind == "optimizer":
        refused(kind, pickle.loads, settings)
    else:
        # An activation is a name only, which is asked for when it is used.
        refused(kind, lambda: pickle.loads(packed).predict(X))


def test_a_worker_of_joblib():
    """Fresh processes, which know of nothing that this one has registered."""
    register()
    model = trained("activation").model()
    with joblib.parallel_config("loky", n_jobs=2):
        refused("activation", joblib.Parallel(), [joblib.delayed(predict)(model)] * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_configuration_and_a_sweep(kind, tmp_path):
    register()
    table = tmp_path / "t.csv"
    table.write_text("a,target\n" + "\n".join(f"{i / 9},{i % 2}" for i in range(20)))
    words = {"data": str(table), "hidden": (3,), "epochs": 1, **WORDS[kind]}
    (tmp_path / "c.toml").write_text(write_config(Experiment.from_options(**words)))
    run_sweep(Sweep({"learning_rate": [0.01, 0.02]}, words), tmp_path / "sweep", n_jobs=1)
    forget()
    refused(kind, read_config, tmp_path / "c.toml")
    refused(kind, read_results, tmp_path / "sweep")
    refused(kind, Sweep, {"learning_rate": [0.01, 0.02]}, words)
    refused(kind, Sweep, {kind: [WORDS[kind][kind], "relu"]}, {"hidden": (3,)})


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_a_checkpoint(kind, tmp_path):
    register()
    checkpoint = Checkpoint(tmp_path / "folder", every=1)
    trained(kind, callbacks=checkpoint)
    forget()
    snapshot = checkpoint.snapshot()
    refused(kind, lambda: trained(kind, initial=snapshot))


@pytest.mark.parametrize("kind", KINDS)
def test_the_processes_of_a_sweep(kind, tmp_path):
    """The first group trains here. Others fail with the reason, and kill no worker."""
    register()
    table = tmp_path / "t.csv"
    table.write_text("a,target\n" + "\n".join(f"{i / 9},{i % 2}" for i in range(20)))
    words = {"data": str(table), "hidden": (3,), "epochs": 1, **WORDS[kind]}
    space = {"batch_size": [1, 2], "schedule": ["constant", "cosine"]}
    found = run_sweep(Sweep(space, words), tmp_path / "sweep", n_jobs=2)
    reasons = [row["reason"] for row in found.rows if row["status"] == "failed"]
    assert reasons
    for reason in reasons:
        assert f"with samplewise.register_{kind} first, in each process" in reason
        assert reason.startswith("cannot be trained: ")
