"""For every capability a backend that is wrong wherever it is in use: the certificate names it."""

import dataclasses

import pytest

from faults.capability_faults import DETERMINISTIC, capability_faults, named_first
from faults.distorted import MANY, DistortedBackend
from faults.faulty_reference import OneByOne
from samplewise.testing import certify
from samplewise.testing.conclusions import KNOWN

FAULTS = list(capability_faults())


# As in `test_certificate`: other tests reach the lines in less time.
@pytest.mark.no_cover
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_wherever_a_capability_is_in_use_is_rejected_by_its_name(fault):
    certificate = fault.certificate()
    assert not certificate.passed
    kind, name = fault.need
    line = named_first(certificate)
    assert line.startswith(f"{kind} '{name}': fails in "), certificate.complaint()
    # Every trial has some layer, dtype and plan; where only one does, there are no others.
    assert fault.everywhere or ", 0 of the " in line or ", no others" in line


def test_every_capability_has_a_fault():
    known = {(kind, name) for kind, names in KNOWN.items() for name in names}
    assert {fault.need for fault in FAULTS} == {*known, MANY, DETERMINISTIC}


class OneDropoutKeyForAll(OneByOne):
    """Drops the units of the first network in every network."""

    def run_epoch(self, states, X, Y, steps, losses, active):
        key = steps[0].dropout_key
        steps = [dataclasses.replace(own, dropout_key=key) for own in steps]
        super().run_epoch(states, X, Y, steps, losses, active)


def test_networks_that_drop_the_same_units_are_rejected():
    backend = DistortedBackend(lambda _: False, many=OneDropoutKeyForAll)
    certificate = certify(backend, rungs=["many"])
    assert not certificate.passed
    assert named_first(certificate).startswith("layer 'dropout': fails in ")


def test_the_wrapper_without_a_fault_is_certified():
    certificate = certify(DistortedBackend(lambda _: False), rungs=["many"])
    assert certificate.passed, certificate.complaint()
