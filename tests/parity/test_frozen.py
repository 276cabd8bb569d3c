"""Frozen layers: backends keep their bits, and the certificate rejects those that do not."""

import dataclasses
from unittest import mock

import pytest

from faults import climbing
from faults.frozen_faults import FROZEN_FAULTS, FrozenFaultBackend
from samplewise import registry
from samplewise.contract import RATES, WEIGHTS
from samplewise.network import (
    FROZEN,
    SGD,
    Adagrad,
    Adam,
    Conv2D,
    Dense,
    LayerNorm,
    Network,
    RMSprop,
    loss_named,
)
from samplewise.testing import certify, ladder, measures, runs, tolerances
from samplewise.testing.cases import ROWS, Case
from samplewise.testing.networks import BODIES, PLACES, with_frozen
from samplewise.testing.problems import problem

BACKENDS = ("reference", "vectorized", "numba_cpu")
REFERENCE = registry.load("reference").capabilities
# So many trials stand for all of them, with a frozen layer or without: those of few values.
SOME = 7
NETWORK = Network((6,), (Dense(5, "tanh", trainable=False), LayerNorm(), Dense(4), Dense(3)))
ALL_OPTIONS = {"l1": 0.01, "l2": 0.02, "weight_decay": 0.1, "clip_value": 0.05}
RULES = (
    SGD(0.9, nesterov=True, clip_norm=0.1, **ALL_OPTIONS),
    Adam(clip_norm=0.1, **ALL_OPTIONS),
    RMSprop(**ALL_OPTIONS),
    Adagrad(**ALL_OPTIONS),
    SGD(l2=0.1),
    SGD(0.9, l2=0.1),
)


def is_frozen(trial):
    return ("layer", FROZEN) in trial.case.needs(trial.plan)


def some_trials(rung, option):
    """Return trials by an optimizer with this option, by which a fault shows."""
    trials = [
        t for t in ladder.trials_of(rung, REFERENCE) if ("optimizer", option) in t.case.needs()
    ]
    trials = [t for t in trials if t.case.network.multiply_adds < 100 and t.case.rows < ROWS]
    halves = [[t for t in trials if is_frozen(t) == frozen] for frozen in (True, False)]
    return tuple(trial for half in halves for trial in half[:: -(-len(half) // SOME)])


@pytest.mark.parametrize("fault", FROZEN_FAULTS)
def test_a_fault_with_frozen_layers_is_rejected_by_name(fault):
    program, option, caught_by = FROZEN_FAULTS[fault]
    backend = FrozenFaultBackend(f"faulty: {fault}", program)
    for rung in sorted({"gradient", "epoch"} | caught_by):
        trials = some_trials(rung, option)
        with mock.patch.object(ladder, "trials_of", lambda *_, trials=trials: trials):
            certificate = certify(backend, rungs=[rung])
        assert certificate.passed == (rung not in caught_by), certificate.complaint()
        if rung in caught_by:
            assert certificate.suspects[0].startswith("layer 'frozen': fails in ")
            assert ", 0 of the " in certificate.suspects[0]


def test_the_wrapper_without_a_fault_is_accepted():
    backend = FrozenFaultBackend("no fault")
    for trial in some_trials("contract", "l2"):
        assert climbing.failures(backend, "contract", trial.case, trial.plan) == []


def test_frozen_layers_meet_all_else_that_is_offered():
    """Alone, "frozen" would be found; with another capability it may be wrong."""
    met = {
        need
        for t in ladder.trials_of("epoch", REFERENCE)
        if is_frozen(t)
        for need in t.case.needs(t.plan)
    }
    offered = REFERENCE.names()
    for kind in ("layer", "activation", "loss", "optimizer", "dtype", "step field"):
        missing = {(kind, name) for name in offered[kind]} - met
        assert not missing
    assert {RATES, WEIGHTS} <= {name for kind, name in met if kind == "step field"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: " ".join(rule.words))
def test_no_optimizer_changes_a_bit_of_a_frozen_layer(backend, rule):
    case = Case(NETWORK, loss_named("categorical_cross_entropy"), rule, 4)
    session, drawn = runs.compiled(registry.load(backend), case, "direct"), problem(case)
    got = runs.trained(session, case, 2, True)
    frozen = slice(0, NETWORK.trained[0].start)
    assert got.parameters[frozen].tobytes() == drawn.parameters[frozen].tobytes()
    slots = (
        v.reshape(-1, NETWORK.layout.size)[:, frozen]
        for v in (got, drawn)
        for v in [v.optimizer_state]
        if v is not None
    )
    assert len({slot.tobytes() for slot in slots}) <= 1
    changed = got.parameters[NETWORK.trained[0]] != drawn.parameters[NETWORK.trained[0]]
    assert changed.any()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("place", PLACES)
def test_frozen_weights_serve_as_constants(backend, place):
    """The gradient of the others is that of the network in which all are trained."""
    whole = BODIES["every_layer"]("tanh", 3)
    network = with_frozen(whole, place)
    assert network != whole
    case = Case(network, loss_named("categorical_cross_entropy"), rows=5)
    drawn = problem(case)
    found = []
    for each in (network, whole):
        of_case = dataclasses.replace(case, network=each)
        program = runs.program_of(registry.load(backend), of_case)
        found.append(program.gradients(drawn.parameters, drawn.X, drawn.Y)[1])
    allowed = tolerances.tolerance("gradient", "float64")
    for part in network.trained:
        assert measures.sized("gradient", found[0][part], found[1][part], allowed).passed
        found[0][part] = 0
    assert not found[0].any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_frozen_convolution_below_a_trained_one_is_passed_through(backend):
    layers = (Conv2D(2, 2, activation="relu"), Conv2D(3, 2, trainable=False), Dense(3))
    case = Case(Network((1, 4, 4), layers), loss_named("categorical_cross_entropy"), Adam(), 3)
    assert climbing.failures(registry.load(backend), "epoch", case, "direct") == []


@pytest.mark.parametrize("plan", ["blocked", "dual"])
def test_a_block_of_a_frozen_first_layer_has_nothing_to_save(plan):
    case = Case(NETWORK, loss_named("categorical_cross_entropy"))
    chosen = runs.program_of(registry.load("numba_cpu"), case, plan).plan
    assert (chosen.name, chosen.reason) == (
        "direct",
        "no other plan where the first layer is frozen",
    )
    if plan == "blocked":
        chosen = runs.program_of(registry.load("vectorized"), case, plan).plan
        assert chosen.name == "direct"
        assert "the first layer is frozen" in chosen.reason


@pytest.mark.parametrize("plan", ["blocked", "dual"])
def test_a_block_trains_a_first_layer_below_frozen_ones(plan):
    layers = (Dense(5, "tanh"), Dense(4, "relu", trainable=False), Dense(3))
    case = Case(Network((6,), layers), loss_named("categorical_cross_entropy"), SGD(0.5, l2=0.01))
    program = runs.program_of(registry.load("numba_cpu"), case, plan)
    assert program.plan.name == plan
    assert climbing.failures(registry.load("numba_cpu"), "epoch", case, plan) == []
