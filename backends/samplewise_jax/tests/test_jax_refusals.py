"""A run that this backend cannot make is one clear error, and others go on working."""

import re
import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest

from samplewise import TrainingSettings, registry, train
from samplewise.contract import Capabilities
from samplewise.errors import UnavailableBackendError
from samplewise.network import Dense, Network, multilayer_perceptron
from samplewise.network.custom import register_activation
from samplewise.training.idle_programs import IDLE
from samplewise_jax import device
from samplewise_jax.program import JaxProgram

NETWORK = multilayer_perceptron(2, 3, 1)
X, LABELS = np.array([[0.5, 1.0], [1.0, 0.5]]), [0, 1]


def trained(backend, network=NETWORK, **settings):
    return train(network, X, LABELS, TrainingSettings(epochs=1, backend=backend, **settings))


@pytest.fixture(autouse=True)
def _other_backends_go_on():
    yield
    assert np.isfinite(trained("reference").parameters).all()
    assert np.isfinite(trained("numba_cpu").parameters).all()


@pytest.fixture
def fresh_registry():
    registry.refresh()
    yield
    registry.refresh()


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize("old", ["0.4.38", "0.10.1", "0.9"])
def test_a_jax_that_is_too_old_is_refused_by_the_version_it_needs(monkeypatch, old):
    monkeypatch.setattr(device, "version", lambda package: old)
    message = f"JAX {re.escape(old)} is too old; install jax 0.10.2 or newer; available: "
    with pytest.raises(UnavailableBackendError, match=message):
        trained("jax")


@pytest.mark.parametrize("new", ["0.10.2", "0.11.0rc1", "1.0"])
def test_a_newer_jax_is_taken(monkeypatch, new):
    monkeypatch.setattr(device, "version", lambda package: new)
    assert device.unavailable() is None


def test_the_oldest_jax_is_that_of_the_distribution():
    text = Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8")
    oldest = ".".join(map(str, device.OLDEST_JAX))
    assert f"jax>={oldest}" in tomllib.loads(text)["project"]["dependencies"]


def test_a_users_activation_in_numpy_is_refused_before_training():
    register_activation("cube", lambda z: z**3, lambda z: 3 * z**2, replace=True)
    network = Network((2,), (Dense(3, "cube"), Dense(1)))
    with pytest.raises(UnavailableBackendError, match="'jax' cannot run .*lacks activation 'cube'"):
        trained("jax", network)
    assert trained("vectorized", network).history.backend == "vectorized"


def test_a_network_that_no_capability_covers_is_refused_before_training(monkeypatch):
    few = Capabilities.of(layers=["dense"], activations=[], losses=[], optimizers=["sgd"])
    monkeypatch.setattr(registry.load("jax"), "capabilities", few)
    with pytest.raises(UnavailableBackendError, match="it lacks activation 'identity', activation"):
        trained("jax")


def test_memory_of_the_device_that_is_used_up_is_one_clear_error(monkeypatch):
    def exhausted(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory\nallocating 8 bytes.")

    IDLE.clear()
    monkeypatch.setattr(JaxProgram, "on_device", exhausted)
    with pytest.raises(UnavailableBackendError) as caught:
        trained("jax")
    assert str(caught.value) == (
        "backend 'jax': the memory of device cpu:0 is used up (RESOURCE_EXHAUSTED: Out of memory "
        "allocating 8 bytes.); use a smaller batch_size or network, less data, or another device"
    )


def test_another_error_of_jax_is_not_called_a_lack_of_memory():
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"), device.in_use():
        raise jax.errors.JaxRuntimeError("INTERNAL: broken")
