import dataclasses
import json

import pytest

from faults.distorted import DistortedBackend, Distortion
from samplewise import registry

LITTLE = {
    "layers": frozenset({"dense"}),
    "activations": frozenset({"identity"}),
    "losses": frozenset({"mean_squared_error"}),
    "optimizers": frozenset({"sgd"}),
    "dtypes": frozenset({"float64"}),
    "plans": frozenset({"direct"}),
    "step_fields": frozenset(),
    "many": False,
}


@dataclasses.dataclass(frozen=True)
class Little(DistortedBackend):
    """Offers little, so that its check takes a moment."""

    @property
    def capabilities(self):
        return dataclasses.replace(super().capabilities, **LITTLE)


@pytest.fixture
def installed(monkeypatch):
    """Install a right backend and a wrong one."""
    load = registry.load
    wrong = Little(lambda facts: True, Distortion(update=0.01), "wrong")
    backends = {"right": Little(lambda facts: False, name="right"), "wrong": wrong}
    monkeypatch.setattr(registry, "load", lambda name: backends.get(name) or load(name))


@pytest.mark.usefixtures("installed")
def test_a_right_backend_gets_its_certificate_as_text_and_file(cli, tmp_path):
    file = tmp_path / "certificate.json"
    ended = cli("check-backend", "right", "--json", file)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("right keeps the contract: ")
    assert "layer dense" in ended.out
    assert "  not offered: layer 'avg_pool', layer 'conv'" in ended.out
    found = json.loads(file.read_text())
    assert found["passed"] is True
    assert found["strength"] == 2


@pytest.mark.usefixtures("installed")
def test_a_wrong_backend_ends_with_1_and_says_what_failed(cli, tmp_path):
    file = tmp_path / "certificate.json"
    ended = cli("check-backend", "wrong", "--json", file)
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith("wrong failed ")
    found = json.loads(file.read_text())
    assert found["passed"] is False
    assert any("epoch rung" in line for line in found["failures"])


@pytest.mark.usefixtures("installed")
def test_thorough_tests_three_at_a_time(cli, tmp_path):
    file = tmp_path / "certificate.json"
    ended = cli("check-backend", "right", "--thorough", "--json", file)
    assert ended.code == 0
    assert "any three capabilities" in ended.out
    assert json.loads(file.read_text())["strength"] == 3


@pytest.mark.usefixtures("installed")
def test_a_file_that_exists_is_kept_and_nothing_is_tested(cli, tmp_path):
    file = tmp_path / "kept.json"
    file.write_text("mine")
    ended = cli("check-backend", "right", "--json", file)
    assert ended.code == 2
    assert "exists already" in ended.err
    assert ended.out == ""
    assert file.read_text() == "mine"
    assert cli("check-backend", "right", "--json", file, "--force").code == 0


def test_an_unknown_backend_is_named_on_one_line(cli):
    ended = cli("check-backend", "vectorised")
    assert ended.code == 2
    assert "did you mean 'vectorized'" in ended.err
    assert len(ended.err.splitlines()) == 1
