"""Offers of other distributions, without installing any: shadowed, broken, hostile and twice."""

import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import plugins, registry
from samplewise.contract import CONTRACT_VERSION, Backend
from samplewise.errors import ContractError, UnavailableBackendError, UnknownBackendError
from samplewise.network import SGD, loss_named, multilayer_perceptron

CAPABILITIES = FaultyBackend("", FaultyReference).capabilities
DISTRIBUTION = "theirs"
FLOAT64 = np.dtype("float64")


@dataclass
class EntryPoint:
    name: str
    backend: Any
    distribution: str | None = DISTRIBUTION
    value: str = "their.module:backend"

    @property
    def dist(self):
        if self.distribution is None:
            return None
        return SimpleNamespace(name=self.distribution, version="1.2")

    def load(self):
        if isinstance(self.backend, BaseException):
            raise self.backend
        return self.backend


def backend(name="theirs", **changes):
    members = {"name": name, "capabilities": CAPABILITIES, "compile": lambda *_: None}
    return SimpleNamespace(**(members | changes))


def raises():
    raise OSError("no device")


@pytest.fixture
def install(monkeypatch):
    """Add entry points to those of this distribution."""
    real = list(plugins.entry_points(group=plugins.ENTRY_POINT_GROUP))

    def add(*offers):
        monkeypatch.setattr(plugins, "entry_points", lambda group: [*real, *offers])
        registry.refresh()

    yield add
    monkeypatch.undo()
    registry.refresh()


@pytest.fixture
def without_metadata(monkeypatch):
    """Let sources be imported that were not installed, beside a backend that was."""
    other = EntryPoint("theirs", backend())
    monkeypatch.setattr(plugins, "entry_points", lambda group: [other])
    registry.refresh()
    yield
    monkeypatch.undo()
    registry.refresh()


@pytest.mark.parametrize("name", ["auto", "numba_cpu", "theirs"])
def test_without_the_metadata_of_an_install_one_error_says_so(without_metadata, name):
    network, loss = multilayer_perceptron(2, (2,), 1), loss_named("binary_cross_entropy")
    pattern = "^samplewise: its built-in backends are not registered, .*; install it with pip, "
    with pytest.raises(UnavailableBackendError, match=pattern):
        registry.resolve(name, network, loss, SGD(), FLOAT64)
    with pytest.raises(UnavailableBackendError, match=pattern):
        registry.names()


def test_refresh_finds_what_was_installed_since(install):
    install()
    assert "theirs" not in registry.names()
    install(EntryPoint("theirs", backend()))
    assert registry.load("theirs").name == "theirs"
    install()
    with pytest.raises(UnknownBackendError):
        registry.load("theirs")


@pytest.mark.parametrize("name", ["reference", "auto"])
def test_a_name_that_means_something_keeps_its_meaning(install, name):
    install(EntryPoint(name, backend(name)))
    assert registry.load(f"theirs:{name}").compile() is None
    assert name == "auto" or registry.load(name).compile is not backend().compile
    network, loss = multilayer_perceptron(3, (), 1), loss_named("binary_cross_entropy")
    choice = registry.resolve(name, network, loss, SGD(), FLOAT64)
    assert choice.backend is not registry.load(f"theirs:{name}")


def test_two_offers_of_one_name_are_told_apart_and_the_hint_names_both(install):
    first, second = backend(), backend()
    install(EntryPoint("theirs", first, "a"), EntryPoint("theirs", second, "b"))
    assert registry.load("a:theirs") is first
    assert registry.load("b:theirs") is second
    with pytest.raises(UnknownBackendError, match="several offer it: a:theirs, b:theirs"):
        registry.load("theirs")


@pytest.mark.parametrize(
    ("offered", "message"),
    [
        (backend("other"), "`name` must be 'theirs' .*, got 'other'"),
        (backend(capabilities={"dtypes"}), "`capabilities` must be a Capabilities instance"),
        (backend(compile=None), "backend of theirs 1.2 .*: `compile` must be callable"),
        (backend(contract_version=CONTRACT_VERSION + 1), "made for version 2 of the contract"),
        (SimpleNamespace(name="theirs"), "`capabilities` is missing"),
        (backend(unavailable=raises), "OSError: no device"),
        (backend(unavailable=lambda: True), "`unavailable` must return the reason.*, got True"),
        (backend(unavailable=lambda: " "), "`unavailable` must return the reason.*, got ' '"),
        (backend(unavailable="no"), "TypeError: 'str' object is not callable"),
        (backend(unavailable=lambda: sys.exit(3)), r"left Python with SystemExit\(3\)"),
        (SystemExit(3), r"left Python with SystemExit\(3\)"),
        (RuntimeError("\x1b[31mred"), r"RuntimeError: \\x1b\[31mred"),
    ],
)
def test_a_broken_offer_says_why_and_harms_no_other(install, offered, message):
    install(EntryPoint("theirs", offered))
    (row,) = (row for row in registry.listings() if row.name == "theirs")
    assert not row.available
    assert row.capabilities is None
    assert all(row.available for row in registry.listings() if row.name != "theirs")
    with pytest.raises(UnavailableBackendError, match=message) as caught:
        registry.load("theirs")
    causes = ContractError | RuntimeError | OSError | TypeError
    assert isinstance(caught.value.__cause__, causes)


def test_a_backend_may_say_why_it_cannot_run_here(install):
    install(EntryPoint("theirs", backend(unavailable=lambda: "no device; plug one in")))
    (row,) = (row for row in registry.listings() if row.name == "theirs")
    assert (row.available, row.reason) == (False, "no device; plug one in")
    with pytest.raises(UnavailableBackendError, match="is unavailable: no device; plug one in; av"):
        registry.load("theirs")


def on_device(device):
    """Return a backend with the devices cpu and gpu:0."""
    offered = replace(CAPABILITIES, device=device or "cpu")
    here = device in ("", "cpu", "gpu:0")
    return backend(
        capabilities=offered,
        on_device=on_device,
        unavailable=lambda: None if here else f"no device {device}, only cpu and gpu:0",
    )


def test_a_backend_may_have_several_devices(install):
    install(EntryPoint("theirs", on_device("")))
    assert registry.load("theirs").capabilities.device == "cpu"
    loaded = registry.load("theirs", "gpu:0")
    assert loaded.capabilities.device == "gpu:0"
    # Programs of one backend are told from another's by its identity.
    assert registry.load("theirs", "gpu:0") is loaded
    message = "'theirs' cannot run on device 'gpu:1': no device gpu:1, only cpu and gpu:0"
    with pytest.raises(UnavailableBackendError, match=message):
        registry.load("theirs", "gpu:1")
    assert registry.load("theirs").capabilities.device == "cpu"


@pytest.mark.parametrize("name", ["reference", "vectorized", "numba_cpu"])
def test_a_built_in_backend_has_the_processor_alone(name):
    assert registry.load(name, "cpu") is registry.load(name, "cpu:0") is registry.load(name)
    message = f"backend '{name}' cannot run on device 'gpu:0': it has no device 'gpu:0', only cpu"
    with pytest.raises(UnavailableBackendError, match=message):
        registry.load(name, "gpu:0")


def test_a_backend_of_one_device_has_it_by_its_number_and_its_kind(install):
    install(EntryPoint("theirs", backend(capabilities=replace(CAPABILITIES, device="gpu:0"))))
    assert registry.load("theirs", "gpu:0") is registry.load("theirs", "gpu")
    with pytest.raises(UnavailableBackendError, match="it has no device 'cpu', only gpu:0"):
        registry.load("theirs", "cpu")


def test_a_backend_that_inherits_on_device_computes_on_no_other(install):
    class Theirs(Backend):
        name = "theirs"
        capabilities = CAPABILITIES

        def unavailable(self):
            return None

    install(EntryPoint("theirs", Theirs()))
    assert registry.load("theirs", "cpu").capabilities.device == "cpu"
    with pytest.raises(UnavailableBackendError, match="it has no device 'gpu:0', only cpu"):
        registry.load("theirs", "gpu:0")


def test_what_on_device_returns_is_checked_as_a_backend(install):
    install(EntryPoint("theirs", backend(on_device=lambda device: None)))
    with pytest.raises(UnavailableBackendError, match="ContractError: .*`name` is missing"):
        registry.load("theirs")


def test_auto_takes_no_other_backend_for_its_device(install):
    install(EntryPoint("theirs", on_device("")))
    parts = multilayer_perceptron(3, (), 1), loss_named("binary_cross_entropy"), SGD(), FLOAT64
    with pytest.raises(UnavailableBackendError, match="; name the backend whose device it is"):
        registry.resolve("auto", *parts, device="gpu:0")
    chosen = registry.resolve("theirs", *parts, device="gpu:0").backend
    assert chosen.capabilities.device == "gpu:0"


def test_a_backend_and_a_device_can_be_looked_for_without_a_network(install, monkeypatch):
    install(EntryPoint("theirs", on_device("")))
    for name, device in [("theirs", "gpu:0"), ("theirs", None), ("auto", "cpu"), (None, None)]:
        registry.check_here(name, device)
    with pytest.raises(UnavailableBackendError, match="'theirs' cannot run on device 'gpu:1'"):
        registry.check_here("theirs", "gpu:1")
    with pytest.raises(
        UnavailableBackendError, match="^backend 'numba_cpu'.*; name the backend who"
    ):
        registry.check_here("auto", "gpu:0")
    monkeypatch.setenv(registry.ENVIRONMENT_VARIABLE, "abacus")
    with pytest.raises(UnknownBackendError, match="'abacus' is not a backend"):
        registry.check_here(None)


def test_a_backend_may_say_its_contract(install):
    install(EntryPoint("theirs", backend(contract_version=CONTRACT_VERSION)))
    assert registry.load("theirs").contract_version == CONTRACT_VERSION


def test_an_offer_of_no_distribution_is_listed(install):
    install(EntryPoint("theirs", backend(), None))
    (row,) = (row for row in registry.listings() if row.name == "theirs")
    assert (row.distribution, row.version) == ("unknown", "unknown")


@pytest.mark.parametrize("name", [5, [], "", " auto", "cuda\n"])
def test_what_is_no_name_is_an_unknown_backend(name):
    with pytest.raises(UnknownBackendError, match="is not a backend; known: auto, numba_cpu"):
        registry.load(name)


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_environment_variable_means_auto(monkeypatch, value):
    monkeypatch.delenv(registry.ENVIRONMENT_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(registry.ENVIRONMENT_VARIABLE, value)
    network, loss = multilayer_perceptron(3, (), 1), loss_named("binary_cross_entropy")
    choice = registry.resolve(None, network, loss, SGD(), FLOAT64)
    assert choice.reason == "auto: the fastest that runs here"
