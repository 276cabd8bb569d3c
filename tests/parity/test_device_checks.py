"""The rung for devices: where results come from, and what counts as a change of the process."""

import os
import sys
import types

import pytest

from samplewise import registry
from samplewise.testing import device_checks, ladder
from samplewise.testing.runs import program_of

REFERENCE = registry.load("reference")
(CASE, *_) = (trial.case for trial in ladder.trials_of("device", REFERENCE.capabilities))


@pytest.mark.parametrize(
    ("seen", "claimed", "right"),
    [
        ((), "cpu", True),
        ((), "gpu:0", False),
        (("cpu:0",), "cpu", True),
        (("gpu:1",), "gpu:1", True),
        (("gpu:0",), "gpu:1", False),
        (("cpu:0", "gpu:0"), "gpu:0", False),
    ],
)
def test_results_come_from_the_device_that_is_claimed(seen, claimed, right):
    program = program_of(REFERENCE, CASE)
    program.computed_on = lambda: frozenset(seen)
    measures = device_checks.computed_on_device(program, CASE, claimed)
    assert [measure.passed for measure in measures] == [right] * 3


@pytest.mark.parametrize("name", ["environment", "sys.path", "jax: precision"])
def test_a_changed_setting_is_named(monkeypatch, name):
    config = types.SimpleNamespace(values={"precision": "high"})
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(config=config))
    settings = device_checks.process_settings()
    monkeypatch.setitem(os.environ, "SAMPLEWISE_OTHER", "1" if name == "environment" else "")
    settings["environment"] = dict(settings["environment"], SAMPLEWISE_OTHER="")
    if name == "sys.path":
        monkeypatch.syspath_prepend("elsewhere")
    if name == "jax: precision":
        config.values["precision"] = "low"
    found, modules = device_checks.leaves_process_alone(settings, {})
    assert str(found) == f"changes settings of the process: {name}"
    assert modules.passed
