"""Backends are found by name, those of other distributions too; a broken one harms no other."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from samplewise import registry
from samplewise.errors import UnavailableBackendError, UnknownBackendError
from samplewise.network import SGD, Dense, Network, loss_named, multilayer_perceptron

BUILT_IN = ["numba_cpu", "reference", "vectorized"]
PLUGINS = Path(__file__).parent / "plugins"


def resolve(name, network=None, dtype="float64"):
    network = network or multilayer_perceptron(3, (2,), 1)
    return registry.resolve(
        name, network, loss_named("binary_cross_entropy"), SGD(), np.dtype(dtype)
    )


@pytest.fixture
def fresh_registry():
    registry.refresh()
    yield
    registry.refresh()


@pytest.fixture(scope="module")
def installed_plugins(tmp_path_factory):
    """The folder into which pip has installed the toy and the broken distribution."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--target", str(target)),
            *(str(PLUGINS / "toy"), str(PLUGINS / "broken")),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return target


def run_python(code, site):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_built_in_backends_are_listed_as_available():
    rows = {row.name: row for row in registry.listings()}
    for name in BUILT_IN:
        assert rows[name].available
        assert rows[name].distribution == "samplewise"
        assert rows[name].capabilities.dtypes == {"float64", "float32"}


def test_a_named_backend_is_chosen_and_the_reason_says_so():
    choice = resolve("reference")
    assert choice.backend.name == "reference"
    assert choice.reason == "named by the caller"


def test_auto_prefers_the_compiled_backend():
    choice = resolve("auto")
    assert choice.backend.name == "numba_cpu"
    assert choice.reason.startswith("auto")


def test_the_environment_is_asked_when_no_name_is_given(monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "vectorized")
    choice = resolve(None)
    assert choice.backend.name == "vectorized"
    assert "SAMPLEWISE_BACKEND" in choice.reason


def test_a_name_from_the_caller_beats_the_environment(monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "vectorized")
    assert resolve("reference").backend.name == "reference"


def test_an_unknown_name_lists_what_there_is_and_the_closest():
    with pytest.raises(
        UnknownBackendError,
        match=r"'nubma_cpu' is not a backend.*reference.*did "
        r"you mean 'numba_cpu'",
    ):
        resolve("nubma_cpu")


def test_what_a_backend_lacks_is_named_before_training():
    with pytest.raises(UnavailableBackendError, match="dtype 'float16'"):
        resolve("reference", dtype="float16")


@pytest.mark.parametrize(
    ("other", "lacks"),
    [
        ({"dtype": np.dtype("float16")}, "dtype 'float16'"),
        ({"plan": "blocked"}, "plan 'blocked'"),
        ({"step_fields": frozenset({"x"})}, "step field 'x'"),
    ],
)
def test_a_run_that_lacks_something_is_refused_after_one_that_did_not(other, lacks):
    run = {
        "network": multilayer_perceptron(3, (2,), 1),
        "loss": loss_named("binary_cross_entropy"),
        "optimizer": SGD(),
        "dtype": np.dtype("float64"),
    }
    for _ in range(2):
        registry.resolve("reference", **run)
    for _ in range(2):
        with pytest.raises(UnavailableBackendError, match=lacks):
            registry.resolve("reference", **run | other)


def test_capabilities_that_became_fewer_are_noticed(monkeypatch):
    reference, network = registry.load("reference"), multilayer_perceptron(3, (2,), 1)
    run = network, loss_named("binary_cross_entropy"), SGD(), np.dtype("float64")
    registry.resolve("reference", *run)
    fewer = dataclasses.replace(reference.capabilities, activations=frozenset({"identity"}))
    monkeypatch.setattr(type(reference), "capabilities", fewer)
    linear = Network((3,), (Dense(1),))
    registry.resolve("reference", linear, *run[1:])
    with pytest.raises(UnavailableBackendError, match="activation 'sigmoid'"):
        registry.resolve("reference", *run)


@pytest.fixture
def broken_numba(fresh_registry, monkeypatch):
    """Let loading numba_cpu fail as where numba is missing, and no kernel was built ahead."""
    monkeypatch.setenv("SAMPLEWISE_KERNELS", "jit")
    for module in [m for m in sys.modules if m.startswith("samplewise_backends.numba_cpu")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "numba", None)


@pytest.mark.usefixtures("broken_numba")
def test_auto_falls_back_to_numpy_where_numba_does_not_import():
    choice = resolve("auto")
    assert choice.backend.name == "vectorized"
    assert "numba" in choice.reason


@pytest.mark.usefixtures("broken_numba")
def test_a_known_backend_that_does_not_load_is_another_error_chained_to_its_cause():
    with pytest.raises(UnavailableBackendError, match="available: reference, vectorized") as caught:
        resolve("numba_cpu")
    assert "import of numba halted" in str(caught.value.__cause__)


def test_a_third_partys_backend_is_found_and_trains_as_the_reference(installed_plugins):
    code = """
import json
import numpy as np
from samplewise import Dense, Network, TrainingSettings, train
rng = np.random.default_rng(0)
X = rng.standard_normal((40, 3))
labels = (X[:, 0] > 0).astype(int)
network = Network((3,), (Dense(1),))
curves = {}
for backend in ("toy", "reference"):
    settings = TrainingSettings(backend=backend, epochs=4, batch_size=7)
    result = train(network, X, labels, settings)
    curves[backend] = result.history.losses
    assert result.history.backend == backend
print(json.dumps(curves))
"""
    curves = json.loads(run_python(code, installed_plugins))
    np.testing.assert_allclose(curves["toy"], curves["reference"], rtol=1e-12)
    assert curves["toy"][-1] < curves["toy"][0]


def test_broken_plugins_are_listed_with_their_reason_and_harm_no_other(installed_plugins):
    code = """
import json
from samplewise import registry
print(json.dumps({row.name: [row.available, row.reason, row.distribution, row.version]
                  for row in registry.listings()}))
"""
    rows = json.loads(run_python(code, installed_plugins))
    assert rows["toy"] == [True, "", "toy-samplewise", "3.2.1"]
    assert rows["broken"][0] is False
    assert "has no attribute 'backend'" in rows["broken"][1]
    assert rows["hollow"][0] is False
    assert "`name` is missing" in rows["hollow"][1]
    assert all(rows[name][0] for name in BUILT_IN)


def test_a_plugin_cannot_take_a_built_in_name(installed_plugins):
    code = """
from samplewise import registry
print(registry.load("reference").__class__.__module__)
print("toy-samplewise:reference" in registry.names())
"""
    module, listed = run_python(code, installed_plugins).split()
    assert module == "samplewise_backends.reference.program"
    assert listed == "True"


def test_a_plugin_that_lacks_an_activation_refuses_before_training(installed_plugins):
    code = """
import numpy as np
from samplewise import Dense, Network, TrainingSettings, train
from samplewise.errors import UnavailableBackendError
network = Network((3,), (Dense(2, "relu"), Dense(1)))
try:
    train(network, np.ones((4, 3)), [0, 1, 0, 1], TrainingSettings(backend="toy"))
except UnavailableBackendError as error:
    print(error)
"""
    assert "it lacks activation 'relu'" in run_python(code, installed_plugins)


def test_listing_names_imports_no_backend():
    code = """
import sys
from samplewise import registry
assert registry.names() == ["numba_cpu", "reference", "vectorized"], registry.names()
assert not [m for m in sys.modules if m.startswith(("samplewise_backends", "numba"))]
"""
    run_python(code, "")


def test_every_layer_of_a_network_is_asked_for():
    network = Network((3,), (Dense(2, "tanh"), Dense(1)))
    capabilities = registry.load("reference").capabilities
    without_tanh = capabilities.__class__(
        **{**vars(capabilities), "activations": frozenset({"identity"})}
    )
    missing = without_tanh.missing(
        network, loss_named("binary_cross_entropy"), SGD(), np.dtype("float64")
    )
    assert missing == ["activation 'tanh'"]
