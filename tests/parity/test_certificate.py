"""Certificates of the built-in backends, rung by rung, and all that a certificate says."""

import dataclasses
import json
import re

import pytest

from faults import climbing
from faults.catalogue import faulty_backend
from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.errors import ContractError, ParameterError
from samplewise.testing import certify, check_backend, ladder, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.certificate import Untested
from samplewise.testing.conclusions import suspects

BACKENDS = ("reference", "vectorized", "numba_cpu")
# On the others the reference would be compared with itself.
RUNGS_OF_REFERENCE = ("difference", "contract", "repeat", "device")
REFERENCE = registry.load("reference").capabilities


# Whole certificates take more than twice as long where coverage traces them, and other tests reach
# the same lines.
@pytest.mark.no_cover
@pytest.mark.parametrize("rung", ladder.RUNGS)
@pytest.mark.parametrize("name", BACKENDS)
def test_backend_is_certified_by_every_rung(name, rung):
    backend = registry.load(name)
    if rung not in ladder.rungs_for(backend.capabilities):
        pytest.skip(f"{name} does not offer it")
    if name == "reference" and rung not in RUNGS_OF_REFERENCE:
        pytest.skip("the reference is what others are compared with")
    certificate = certify(backend, rungs=[rung])
    assert certificate.passed, certificate.complaint()
    assert certificate.rungs[0].checks > certificate.rungs[0].trials


class FewThings(FaultyBackend):
    """Offers so little that it is certified in a moment."""

    @property
    def capabilities(self):
        return dataclasses.replace(
            REFERENCE,
            layers=frozenset({"dense", "lstm"}),
            activations=frozenset({"identity"}),
            losses=frozenset({"mean_squared_error"}),
            optimizers=frozenset({"sgd"}),
            dtypes=frozenset({"float64"}),
            step_fields=frozenset(),
        )


class OnlyFloat16(FaultyBackend):
    @property
    def capabilities(self):
        return dataclasses.replace(REFERENCE, dtypes=frozenset({"float16"}))


@pytest.fixture(scope="module")
def small():
    """The certificate of the right backend that offers few things."""
    return certify(FewThings("few things", FaultyReference))


def test_a_certificate_says_what_was_tested_and_how_closely_it_agreed(small):
    assert small.passed
    assert [result.rung for result in small.rungs] == ladder.rungs_for(
        FewThings("", FaultyReference).capabilities
    )
    tested = {(result.kind, result.name): result for result in small.capabilities}
    assert set(tested) == {
        ("activation", "identity"),
        ("deterministic", "the same bits again"),
        ("dtype", "float64"),
        ("layer", "dense"),
        ("loss", "mean_squared_error"),
        ("optimizer", "sgd"),
        ("plan", "direct"),
    }
    assert all(result.trials > 0 and result.failed == 0 for result in tested.values())
    assert all(0 <= result.largest_ratio <= 1 for result in (*small.rungs, *tested.values()))


def test_a_certificate_says_what_was_not_tested_and_why(small):
    assert Untested("layer 'lstm'", "unknown to this version of samplewise") in small.untested
    assert Untested("layer 'conv'", "not offered") in small.untested
    assert Untested("many rung", "not offered") in small.untested
    some = certify(FewThings("few things", FaultyReference), rungs=["difference"])
    assert Untested("epoch rung", "not asked for") in some.untested
    assert any(each.what == "optimizer 'sgd'" for each in some.untested)


def test_what_the_user_registered_is_named_as_not_tested(monkeypatch):
    from samplewise.network import activations, custom

    cube = custom.CustomActivation(lambda z: z**3, lambda z: 3 * z**2)
    monkeypatch.setitem(activations.CUSTOM, "cube", cube)

    class WithOwn(FewThings):
        @property
        def capabilities(self):
            return super().capabilities.with_custom()

    untested = certify(WithOwn("with own", FaultyReference), rungs=["difference"]).untested
    (found,) = (each for each in untested if each.what == "activation 'cube'")
    assert found.why.startswith("registered by the user")


def test_the_text_has_tables_of_rungs_and_capabilities_and_the_gaps(small):
    text = str(small)
    assert text.startswith("few things keeps the contract: ")
    for start in ("rung ", "capability ", "layer dense ", "not tested", "  not offered: layer "):
        assert any(line.startswith(start) for line in text.splitlines()), start


def test_the_json_holds_all_of_it(small):
    found = json.loads(small.to_json())
    assert found["passed"] is True
    assert found["backend"] == "few things"
    assert len(found["capabilities"]) == len(small.capabilities)
    assert found["rungs"][0]["rung"] == "kernel"
    assert found["untested"][0].keys() == {"what", "why"}


def test_only_what_is_offered_is_tried():
    offered = dataclasses.replace(REFERENCE, activations=REFERENCE.activations - {"relu"})
    for rung in ladder.rungs_for(offered):
        some, every = (ladder.trials_of(rung, each) for each in (offered, REFERENCE))
        assert 0 < len(some) <= len(every)
        assert not any(("activation", "relu") in trial.case.needs() for trial in some)


def test_an_option_that_is_not_offered_is_not_tried():
    offered = dataclasses.replace(REFERENCE, optimizers=REFERENCE.optimizers - {"l1"})
    needed = {need for trial in ladder.trials_of("epoch", offered) for need in trial.case.needs()}
    assert ("optimizer", "l1") not in needed
    assert ("optimizer", "l2") in needed


def test_the_first_suspect_is_in_all_that_failed_and_in_little_else():
    rare, common = ("layer", "conv"), ("activation", "relu")
    trials = [([rare, common], True, 2.0), *[([common], True, 2.0)] * 2, ([], False, 0.1)]
    assert suspects("epoch", trials)[0].startswith("activation 'relu': fails in 3 of the 3 trials")


def test_a_backend_that_offers_no_case_is_not_certified():
    certificate = certify(OnlyFloat16("only float16", FaultyReference))
    assert not certificate.passed
    assert "its capabilities cover no case" in certificate.complaint()


def test_check_backend_raises_with_the_suspects_and_the_first_failures(monkeypatch):
    backends, load = {"wrong": faulty_backend("bias_sign_in_update")}, registry.load
    monkeypatch.setattr(registry, "load", lambda name: backends.get(name) or load(name))
    with pytest.raises(ContractError, match=r"failed \d+ checks") as caught:
        check_backend("wrong", rungs=["run"])
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert re.match(r"\w+ '[\w ]+': fails in \d+ of the \d+ trials with it", lines[1])
    assert any(line.startswith("faulty: bias_sign_in_update, run rung, ") for line in lines)
    assert any("0.bias" in line for line in lines)
    assert lines[-1].startswith("and ")


def test_what_a_backend_raises_is_a_failure_not_a_crash():
    certificate = certify(faulty_backend("needs_writable"), rungs=["run"])
    assert "raised ValueError: buffer source array is read-only" in certificate.complaint()


def test_an_unknown_rung_is_refused():
    with pytest.raises(ParameterError, match="did you mean 'kernel'"):
        check_backend("vectorized", rungs=["kernal"])


def test_a_failure_names_backend_rung_case_and_layer(monkeypatch):
    backend, case = registry.load("vectorized"), dense_case(5, (3,), 1)
    strict = tolerances.Tolerance(0.0, 0.0, "none")
    monkeypatch.setattr(tolerances, "tolerance", lambda row, dtype: strict)
    (first, *_) = climbing.failures(backend, "gradient", case)
    assert first.startswith("vectorized, gradient rung, 5-3-1 (dense sigmoid > dense), ")
    assert "gradient 0.weight" in "\n".join(climbing.failures(backend, "gradient", case))
