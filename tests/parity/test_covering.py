"""Cases that stand for a full product: whatever a few of their values are, they meet."""

import dataclasses
from itertools import combinations, product

import pytest

from samplewise import registry
from samplewise.contract import PLANS
from samplewise.network import ACTIVATIONS, FROZEN
from samplewise.testing import ladder, trials
from samplewise.testing.conclusions import KNOWN
from samplewise.testing.covering import all_meetings, covering
from samplewise.testing.factors import EDGES, LINEAR_OPTIMIZERS, OPTIONS, offered_values, plan_names
from samplewise.testing.networks import BODIES, DENSE_FIRST

EVERYTHING = dataclasses.replace(
    registry.load("vectorized").capabilities, plans=frozenset(PLANS), many=True
)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 1), (5, 3, 3, 2), (11, 7, 6, 4, 2, 2, 2)])
def test_the_rows_hold_every_pair_and_few_others(sizes):
    factors = {f"factor {k}": range(10 * k, 10 * k + size) for k, size in enumerate(sizes)}
    rows = covering(factors, 2)
    assert all(list(row) == list(factors) for row in rows)
    met = {frozenset(pair) for row in rows for pair in combinations(row.items(), 2)}
    assert met == set(all_meetings(factors))
    fewest = max(a * b for a, b in combinations(sizes, 2))
    assert fewest <= len(rows) <= 1.2 * fewest


@pytest.mark.parametrize("sizes", [(2, 2), (3, 2, 2), (5, 4, 3, 3, 2)])
def test_with_strength_3_every_triple_meets(sizes):
    factors = {f"factor {k}": range(10 * k, 10 * k + size) for k, size in enumerate(sizes)}
    size = min(3, len(sizes))
    rows = covering(factors, 3)
    met = {frozenset(triple) for row in rows for triple in combinations(row.items(), size)}
    assert met == set(all_meetings(factors, size))


def test_the_rows_are_the_same_ones_in_every_call():
    factors = {"a": "xyz", "b": (1, 2), "c": (True, False)}
    assert covering(factors, 2) == covering(factors, 2)
    assert len(covering(factors, 2)) < len(list(product(*factors.values())))


@pytest.mark.parametrize("sizes", [(6, 6, 2), (5, 4, 3, 2), (11, 7, 2)])
def test_of_what_makes_no_difference_every_value_is_taken_about_as_often(sizes):
    """A case that only ever comes with one value of a factor says nothing of the others."""
    factors = {f"factor {k}": range(size) for k, size in enumerate(sizes)}
    rows = covering(factors, 2)
    for name, values in factors.items():
        taken = [sum(row[name] == value for row in rows) for value in values]
        assert max(taken) - min(taken) <= 0.2 * len(rows)


@pytest.mark.parametrize("rung", ["epoch", "contract"])
def test_every_known_capability_takes_part_in_a_trial(rung):
    """Rates and penalties need no workload: on the contract rung, checks of their own set them."""
    tested = {
        need
        for trial in ladder.trials_of(rung, EVERYTHING)
        for need in ladder.tested_by(rung, trial)
    }
    known = {(kind, name) for kind, names in KNOWN.items() for name in names}
    of_checks = {("step field", "rates"), ("step field", "penalties")}
    assert known - tested <= (of_checks if rung == "contract" else set())


def test_any_two_capabilities_that_go_together_meet_in_an_epoch():
    """Not two losses, rules or plans, nor a plan of blocks with what it cannot be asked for."""
    met = {
        pair
        for trial in ladder.trials_of("epoch", EVERYTHING)
        for pair in combinations(ladder.tested_by("epoch", trial), 2)
    }
    layers, losses = ({(kind, name) for name in KNOWN[kind]} for kind in ("layer", "loss"))
    activations = {("activation", name) for name in ACTIVATIONS}
    rules = {("optimizer", name) for name in KNOWN["optimizer"]}
    dtypes = {("dtype", name) for name in KNOWN["dtype"]}
    fields = {("step field", name) for name in KNOWN["step field"]}
    groups = (layers, activations, losses, rules, dtypes, fields)
    wanted = {tuple(sorted(pair)) for a, b in combinations(groups, 2) for pair in product(a, b)}
    plans = {("plan", name) for name in PLANS}
    wanted |= {
        tuple(sorted(pair))
        for group in (activations, losses, dtypes, fields)
        for pair in product(group, plans)
    }
    assert {tuple(sorted(pair)) for pair in met} >= wanted


def test_each_layer_occurs_without_each_other():
    found = [{layer.kind for layer in body("tanh", 3).layers} for body in BODIES.values()]
    kinds = set().union(*found)
    # Whether a layer is frozen is said beside its kind.
    assert kinds | {FROZEN} == KNOWN["layer"]
    for kind, other in product(kinds, repeat=2):
        if kind != other and other != "dense":
            assert any(kind in each and other not in each for each in found), (kind, other)


def test_every_padding_and_a_stride_are_tried_without_pooling():
    bodies = [body("tanh", 3).layers for body in BODIES.values()]
    bodies = [each for each in bodies if not {"max_pool", "avg_pool"} & {one.kind for one in each}]
    found = {(one.padding, one.stride) for each in bodies for one in each if one.kind == "conv"}
    assert found >= {("valid", 1), ("same", 1), ("same", 2)}


def test_saturated_outputs_are_tried_with_and_without_a_hidden_layer():
    found = {(len(hidden) > 0, edge) for _, hidden, _, _, edge in EDGES}
    assert found >= set(product((False, True), ("saturated, right", "saturated, wrong")))


def test_networks_for_plans_begin_with_a_dense_layer():
    for body in DENSE_FIRST.values():
        assert body("tanh", 5, 3).layers[0].kind == "dense"


def test_a_backend_is_asked_to_choose_a_plan_only_where_it_has_several():
    one = dataclasses.replace(EVERYTHING, plans=frozenset({"direct"}))
    assert plan_names(one) == ("direct",)
    assert plan_names(EVERYTHING) == (*PLANS, "auto")


def test_options_that_are_not_offered_take_no_place_in_a_row():
    without = dataclasses.replace(EVERYTHING, optimizers=EVERYTHING.optimizers - {"l1"})
    kept = offered_values({"options": OPTIONS}, without)["options"]
    assert kept == tuple(each for each in OPTIONS if "l1" not in dict(each))


def test_plans_are_tried_with_each_form_of_sgd():
    """Momentum, Nesterov and L2, wherever they go together."""
    found = {(rule.momentum > 0, rule.nesterov, rule.l2 > 0) for rule in LINEAR_OPTIMIZERS}
    assert found == {each for each in product((False, True), repeat=3) if each[0] or not each[1]}


def test_thorough_trials_are_more_and_hold_the_pairs_too():
    few = dataclasses.replace(
        EVERYTHING,
        layers=frozenset({"dense", "dropout"}),
        activations=frozenset({"identity", "tanh", "relu"}),
    )
    pairs, triples = (len(list(trials.networks(few, strength))) for strength in (2, 3))
    assert pairs < triples
