"""JAX's settings and imports are the user's: nothing of them changes."""

import os
import subprocess
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from samplewise import registry
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, loss_named, multilayer_perceptron
from samplewise_jax import device


def python(code, **variables):
    """Run code in a new process, with more variables in its environment; return its output."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_description_of_the_backend_does_not_import_jax():
    code = "import sys, samplewise_jax; print(samplewise_jax.backend.capabilities.layers)"
    assert "'conv'" in python(f"{code}; assert 'jax' not in sys.modules")


def test_without_jax_the_backend_says_so_and_others_go_on():
    code = (
        "import sys; sys.modules['jax'] = None; from samplewise import registry\n"
        "found = {row.name: row for row in registry.listings()}\n"
        "print(found['reference'].available, found['jax'].reason)"
    )
    found = python(code)
    assert found.startswith("True JAX cannot be imported (")
    assert found.endswith("; install jax 0.10.2 or newer")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu:99", "SAMPLEWISE_JAX_DEVICE: no such device here, got 'gpu:99'; JAX finds "),
        ("cpu:7000", "SAMPLEWISE_JAX_DEVICE: no such device here, got 'cpu:7000'; JAX finds "),
        ("the big one", "SAMPLEWISE_JAX_DEVICE: not a device, got 'the big one'; use "),
    ],
)
def test_a_device_that_is_not_here_is_one_clear_error(monkeypatch, name, message):
    monkeypatch.setenv(device.ENVIRONMENT_VARIABLE, name)
    device.chosen.cache_clear()
    registry.refresh()
    try:
        with pytest.raises(UnavailableBackendError, match=message):
            registry.load("jax")
    finally:
        monkeypatch.undo()
        device.chosen.cache_clear()
        registry.refresh()


@pytest.mark.parametrize("name", ["gpu:99", "cpu:7000"])
def test_a_device_asked_for_that_is_not_here_is_one_clear_error(name):
    message = f"'jax' cannot run on device '{name}': no such device here, got '{name}'; JAX finds "
    with pytest.raises(UnavailableBackendError, match=message):
        registry.load("jax", name)
    assert registry.load("jax", "cpu").capabilities.device == "cpu:0"
    assert registry.load("reference").name == "reference"


def test_a_program_computes_on_the_device_asked_for():
    flags = "--xla_force_host_platform_device_count=2"
    code = (
        f"import os; os.environ['XLA_FLAGS'] = {flags!r}\n"
        "from samplewise import TrainingSettings, multilayer_perceptron, train\n"
        "from samplewise_jax.program import JaxProgram\n"
        "kept, put = [], JaxProgram.on_device\n"
        "JaxProgram.on_device = lambda self, *rows: kept.append(put(self, *rows)) or kept[-1]\n"
        "settings = TrainingSettings(epochs=1, backend='jax', device='cpu:1')\n"
        "network = multilayer_perceptron(2, 3, 1)\n"
        "history = train(network, [[0.5, 1], [1, 0.5]], [0, 1], settings).history\n"
        "used = {f'{d.platform}:{d.id}' for rows in kept for X in rows for d in X.devices()}\n"
        "print(history.device, history.matmul_precision, history.deterministic, *used)"
    )
    assert python(code) == "cpu:1 full True cpu:1"


def test_a_device_other_than_a_processor_is_not_called_deterministic():
    assert not device.deterministic(SimpleNamespace(platform="gpu"))
    assert device.deterministic(device.chosen())


def test_a_device_that_rounds_products_is_refused(monkeypatch):
    def rounded(A, B, precision):
        return jax.lax.dot(A.astype(jnp.bfloat16), B.astype(jnp.bfloat16))

    monkeypatch.setattr(device.jnp, "dot", rounded)
    assert "multiplies float32 with a relative error of 0.0" in device.unavailable()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_settings_are_as_before_after_training(training, dtype):
    before = dict(jax.config.values)
    trained = training(dtype=dtype)
    assert trained.run().dtype == dtype
    assert trained.program.predict(trained.state.parameters, trained.X).dtype == dtype
    assert dict(jax.config.values) == before
    assert jnp.zeros(1).dtype == "float32"


def test_auto_never_takes_it():
    parts = multilayer_perceptron(3, 2, 1), loss_named("mean_squared_error"), SGD()
    assert registry.resolve("auto", *parts, np.dtype("float64")).backend.name != "jax"


def test_the_history_names_version_and_device(backend):
    assert backend.kernels == f"XLA of JAX {jax.__version__}, on cpu:0, products of full precision"


def test_results_say_which_device_they_come_from():
    code = (
        "import numpy as np\n"
        "from samplewise.network import SGD, loss_named, multilayer_perceptron\n"
        "from samplewise_jax import backend\n"
        "network, loss = multilayer_perceptron(3, 2, 1), loss_named('mean_squared_error')\n"
        "program = backend.compile(network, loss, SGD(), np.dtype('float64'))\n"
        "program.predict(network.layout.zeros('float64'), np.zeros((2, 3)))\n"
        "print(*program.computed_on())"
    )
    two = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    assert python(code, **two, SAMPLEWISE_JAX_DEVICE="cpu:1") == "cpu:1"
