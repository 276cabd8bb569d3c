"""For every capability a backend that is wrong wherever it occurs: the certificate names it."""

from functools import cache

import pytest

from faults.distorted import DistortedBackend, Distortion
from samplewise.testing import certify, ladder
from samplewise.testing.design import Trial
from samplewise.testing.untested import KNOWN

CAPABILITIES = [(kind, name) for kind, names in KNOWN.items() for name in sorted(names)]
COMPUTED = [need for need in CAPABILITIES if need[0] in ("layer", "activation", "loss")]
MANY = ("many", "several networks at once")
DETERMINISTIC = ("deterministic", "the same bits again")

climb = ladder.climb


@cache
def climbed_without_a_fault(rung, case, plan):
    return climb(DistortedBackend(lambda facts: False), rung, case, plan)


@pytest.fixture
def certificate_of(monkeypatch):
    """Return what the certificate says of a backend that is wrong wherever a capability occurs.

    Where it does not occur the backend is right, which is tried once for all faults.
    """

    def certificate(need, rung, distortion):
        def climb_where_it_occurs(backend, rung, case, plan=None):
            if need in ladder.tested_by(rung, Trial(case, plan)):
                return climb(backend, rung, case, plan)
            return climbed_without_a_fault(rung, case, plan)

        monkeypatch.setattr(ladder, "climb", climb_where_it_occurs)
        backend = DistortedBackend(lambda facts: need in facts, distortion)
        return certify(backend, rungs=[rung])

    return certificate


def check_that_it_names(certificate, need, *, always=False):
    """Check that the first line below the verdict names the capability, and no other failed."""
    assert not certificate.passed
    kind, name = need
    first = certificate.complaint().splitlines()[1].strip()
    assert first.startswith(f"{kind} '{name}': fails in "), certificate.complaint()
    assert always or ", 0 of the " in first or ", no others" in first


@pytest.mark.parametrize("need", CAPABILITIES, ids=" ".join)
def test_an_update_1_percent_too_large_is_rejected(certificate_of, need):
    check_that_it_names(certificate_of(need, "epoch", Distortion(update=0.01)), need)


@pytest.mark.parametrize("need", COMPUTED, ids=" ".join)
def test_a_gradient_1_percent_too_large_is_rejected(certificate_of, need):
    check_that_it_names(certificate_of(need, "gradient", Distortion(gradient=0.01)), need)


def test_several_networks_that_take_too_large_steps_are_rejected():
    backend = DistortedBackend(lambda facts: MANY in facts)
    check_that_it_names(certify(backend, rungs=["many"]), MANY, always=True)


def test_a_backend_that_drifts_from_call_to_call_is_not_deterministic():
    backend = DistortedBackend(lambda facts: True, Distortion(drift=2.0**-20))
    check_that_it_names(certify(backend, rungs=["repeat"]), DETERMINISTIC, always=True)


def test_the_wrapper_without_a_fault_is_certified():
    backend = DistortedBackend(lambda facts: False)
    for rung in ("kernel", "many"):
        certificate = certify(backend, rungs=[rung])
        assert certificate.passed, certificate.complaint()
