"""A check must be able to fail: each fault is rejected by the rungs that it names, by no other."""

import dataclasses

import numpy as np
import pytest

from faults.catalogue import FAULTS, faulty_backend
from faults.faulty_reference import DetachedReference, FaultyBackend, FaultyReference
from faults.update_faults import UPDATE_FAULTS
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import ContractError
from samplewise.network import SGD
from samplewise.testing import ladder, measures, tolerances
from samplewise.testing.check import check

# To see that a rung accepts a fault takes all its cases; a few say nearly as much.
EVERY_NTH = 8


def cases_of(backend, rung, fault):
    """Begin with the cases that have something to show for the fault; the order is all."""
    cases = ladder.offered(backend, rung)
    if fault not in UPDATE_FAULTS or rung == "many":
        return cases
    return sorted(cases, key=lambda case: case.optimizer == SGD())


def first_failure(backend, rung, fault):
    for case in cases_of(backend, rung, fault):
        failures = ladder.failures(backend, rung, case, AUTO_PLAN)
        if failures:
            return failures[0]
    return None


@pytest.mark.parametrize("rung", ladder.RUNGS)
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_rejected_by_its_rungs_only(fault, rung):
    _, caught_by = FAULTS[fault]
    backend = faulty_backend(fault)
    if rung in caught_by:
        failure = first_failure(backend, rung, fault)
        assert failure is not None
        assert failure.startswith(f"wrong: {fault}, {rung} rung")
        return
    for case in cases_of(backend, rung, fault)[::EVERY_NTH]:
        assert ladder.failures(backend, rung, case, AUTO_PLAN) == []


@pytest.mark.parametrize("rung", ladder.RUNGS)
def test_every_rung_rejects_some_fault(rung):
    assert any(rung in caught_by for _, caught_by in FAULTS.values())


def test_one_fault_fails_every_rung():
    _, caught_by = FAULTS["bias_sign_in_forward"]
    assert caught_by == set(ladder.RUNGS)


@pytest.mark.parametrize("program", [FaultyReference, DetachedReference])
def test_the_wrapper_without_a_fault_is_accepted(program):
    certificate = check(FaultyBackend("faultless", program))
    assert len(certificate.rungs) == len(ladder.RUNGS)


def test_check_raises_with_the_first_failures():
    with pytest.raises(ContractError, match=r"failed \d+ checks") as caught:
        check(faulty_backend("bias_sign_in_update"), rungs=["epoch"])
    lines = str(caught.value).splitlines()
    assert lines[1].strip().startswith("wrong: bias_sign_in_update, epoch rung, 7-1, 39 rows")
    assert any("0.bias" in line for line in lines)
    assert lines[-1].strip().startswith("and ")


def test_what_a_backend_raises_is_a_failure_not_a_crash():
    with pytest.raises(ContractError, match="raised ValueError: buffer source array is read-only"):
        check(faulty_backend("needs_writable"), rungs=["run"])


class NoRelu(FaultyBackend):
    @property
    def capabilities(self):
        offered = super().capabilities
        return dataclasses.replace(offered, activations=offered.activations - {"relu"})


class OnlyFloat16(FaultyBackend):
    @property
    def capabilities(self):
        return dataclasses.replace(super().capabilities, dtypes=frozenset({"float16"}))


def test_only_what_is_offered_is_checked():
    backend = NoRelu("no relu", FaultyReference)
    for rung, (_, cases) in ladder.RUNGS.items():
        offered = ladder.offered(backend, rung)
        assert 0 < len(offered) < len(cases)
        members = [member for case in offered for member in getattr(case, "members", (case,))]
        assert not any(case.hidden and case.activation == "relu" for case in members)


def test_a_backend_that_offers_no_case_is_not_certified():
    with pytest.raises(ContractError, match="cover no case"):
        check(OnlyFloat16("only float16", FaultyReference))


def test_a_nan_never_passes():
    allowed = tolerances.tolerance("forward", "float64")
    got, want = np.array([1.0, np.nan]), np.array([1.0, 1.0])
    assert not measures.entries("x", got, want, allowed).passed
    assert not measures.losses(got, want, allowed).passed
