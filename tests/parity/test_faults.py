"""A check must be able to fail: each fault is rejected by the rungs that it names, by no other."""

import numpy as np
import pytest

from faults import climbing
from faults.catalogue import FAULTS, faulty_backend
from faults.faulty_reference import DetachedReference, FaultyBackend, FaultyReference
from samplewise.network import SGD
from samplewise.testing import ladder, measures, tolerances
from samplewise.testing.cases import LONG_ROWS

# To see that a rung accepts a fault takes all its trials; a few say nearly as much, others for each
# fault.
EVERY_NTH = 50
# As in `test_certificate`: other tests reach the lines in less time.
pytestmark = pytest.mark.no_cover


def sorted_trials(backend, rung):
    """Begin with the trials whose optimizer has options, which most faults need.

    Of several networks, long epochs are left out: they find no other fault.
    """
    trials = ladder.trials_of(rung, backend.capabilities)
    if rung == "many":
        return [trial for trial in trials if trial.case.members[0].rows < LONG_ROWS]
    return sorted(trials, key=lambda trial: trial.case.optimizer == SGD())


def some(trials, fault):
    start = list(FAULTS).index(fault) % min(EVERY_NTH, len(trials))
    return trials[start::EVERY_NTH]


def failures(backend, rung, trials):
    for trial in trials:
        yield from climbing.failures(backend, rung, trial.case, trial.plan)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_rejected_by_its_rungs_only(fault):
    _, caught_by = FAULTS[fault]
    backend = faulty_backend(fault)
    for rung in ladder.RUNGS:
        trials = sorted_trials(backend, rung)
        if rung in caught_by:
            first = next(failures(backend, rung, trials), "accepted")
            assert first.startswith(f"faulty: {fault}, {rung} rung"), rung
        else:
            assert list(failures(backend, rung, some(trials, fault))) == []


@pytest.mark.parametrize("rung", ladder.RUNGS)
def test_every_rung_rejects_some_fault(rung):
    assert any(rung in caught_by for _, caught_by in FAULTS.values())


@pytest.mark.parametrize("program", [FaultyReference, DetachedReference])
@pytest.mark.parametrize("rung", ladder.RUNGS)
def test_the_wrapper_without_a_fault_is_accepted(program, rung):
    backend = FaultyBackend("no fault", program, decisions=True)
    assert list(failures(backend, rung, sorted_trials(backend, rung)[::10])) == []


def test_a_nan_never_passes():
    allowed = tolerances.tolerance("forward", "float64")
    got, want = np.array([1.0, np.nan]), np.array([1.0, 1.0])
    assert not measures.entries("x", got, want, allowed).passed
    assert not measures.losses(got, want, allowed).passed
