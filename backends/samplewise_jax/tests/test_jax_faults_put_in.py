"""Faults of samplewise's own tests, put into this backend, are rejected."""

import pytest

from faults import climbing
from faults.rejections import families, rejections
from samplewise import registry
from samplewise.testing import ladder

# Of each kind some; `python -m faults.rejections jax` puts all in, which takes minutes.
CHOSEN = (
    "bias_sign_in_forward",
    "computes_in_float32",
    "sums_the_batch",
    "loss_after_update",
    "mutates_x",
    "hides_nan",
    "reuses_logits",
    "rounds_factors",
    "draws_from_numpy",
    "reloads_a_module",
    "computes_elsewhere",
    "remembers_calls",
)
SOME = 2


@pytest.fixture
def few_trials(monkeypatch):
    """The first trials of each rung, as XLA compiles every network of them."""
    trials_of = ladder.trials_of
    monkeypatch.setattr(ladder, "trials_of", lambda *given: trials_of(*given)[:SOME])


def test_faults_of_programs_are_rejected(few_trials):
    faults = [fault for fault in next(families("jax")) if fault.name in CHOSEN]
    assert len(faults) == len(CHOSEN)
    assert rejections(faults).keys() == set(CHOSEN)


def test_results_of_another_device_are_rejected(monkeypatch):
    backend = registry.load("jax")
    (trial, *_) = ladder.trials_of("device", backend.capabilities)
    assert climbing.failures(backend, "device", trial.case, trial.plan) == []
    monkeypatch.setattr("samplewise_jax.device.name", lambda _: "gpu:0")
    (failure, *_) = climbing.failures(backend, "device", trial.case, trial.plan)
    assert failure.endswith("run_epoch: computed on gpu:0, not on cpu:0")
