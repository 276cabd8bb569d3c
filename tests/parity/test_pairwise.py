"""Cases that stand for a full product: whatever two of their values are, they meet."""

import math
from itertools import combinations, product

import pytest

from samplewise.network import ACTIVATIONS, SGD
from samplewise.testing.cases import CALM_CASES, CONTRACT_CASES, EDGE_CASES, LONG_ROWS, ROWS, RULES
from samplewise.testing.many import MANY_CASES
from samplewise.testing.pairwise import all_pairs, pairwise

RULE_AND_SIZES = {
    "outputs": {1, 3},
    "dtype": {"float32", "float64"},
    "optimizer": {SGD(), *RULES},
}
BATCHES = {"batch_size": {1, 7, 32, ROWS}}
DEPTHS = {"hidden": {(5,), (4, 3), (60,), (17, 1), (1,), (33, 8)}, "activation": set(ACTIVATIONS)}


def calm(hidden, inputs=(7, 12, 13, 16)):
    return [
        case
        for case in CALM_CASES
        if bool(case.hidden) == hidden and case.inputs in inputs and case.rows < LONG_ROWS
    ]


def small(hidden):
    return [case for case in CONTRACT_CASES if bool(case.hidden) == hidden]


DESIGNS = {
    "no hidden layer": (calm(hidden=False), RULE_AND_SIZES | BATCHES),
    "hidden layers": (calm(hidden=True), RULE_AND_SIZES | BATCHES | DEPTHS),
    "many inputs": (
        calm(hidden=True, inputs=(784,)),
        {"batch_size": {1, 7}, **RULE_AND_SIZES, "outputs": {1}},
    ),
    "contract, no hidden layer": (small(hidden=False), {**RULE_AND_SIZES, "batch_size": {1, 4}}),
    "contract, hidden layers": (
        small(hidden=True),
        {**RULE_AND_SIZES, "batch_size": {1, 4}, "activation": set(ACTIVATIONS)},
    ),
}


def unmet(cases, fields):
    """Return the pairs of values of different fields that no case has."""
    met = {
        ((a, getattr(case, a)), (b, getattr(case, b)))
        for case in cases
        for a, b in combinations(fields, 2)
    }
    return set(all_pairs(fields)) - met


@pytest.mark.parametrize("design", DESIGNS)
def test_any_two_values_meet_in_a_case(design):
    cases, fields = DESIGNS[design]
    assert unmet(cases, fields) == set()
    assert len(cases) < math.prod(map(len, fields.values()))


def test_at_every_edge_both_losses_and_dtypes_meet_every_rule():
    fields = ("outputs", "dtype", "optimizer")
    edges = {(case.edge, case.hidden, case.rows) for case in EDGE_CASES}
    assert len(edges) == 9
    for edge in edges:
        here = [case for case in EDGE_CASES if (case.edge, case.hidden, case.rows) == edge]
        values = {field: {getattr(case, field) for case in here} for field in fields}
        assert list(map(len, values.values())) == [2, 2, 3]
        assert len({case.batch_size for case in here}) == min(edge[2], 3)
    values = {field: {getattr(case, field) for case in EDGE_CASES} for field in fields}
    assert unmet(EDGE_CASES, values) == set()


def test_several_networks_meet_every_two_of_their_properties():
    several = [case for case in MANY_CASES if len(case.members) > 1]
    shared = [case.members[0] for case in several]
    mixed = [len({member.hidden for member in case.members}) > 1 for case in several]
    columns = {
        "mixed": mixed,
        "shuffle": [case.shuffle for case in several],
        **{name: [getattr(m, name) for m in shared] for name in ("rows", "dtype", "batch_size")},
    }
    for (a, xs), (b, ys) in combinations(columns.items(), 2):
        assert len(set(zip(xs, ys, strict=True))) == 4, (a, b)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 1), (5, 3, 3, 2), (11, 7, 6, 4, 2, 2, 2)])
def test_the_rows_hold_every_pair_and_few_others(sizes):
    factors = {f"factor {k}": range(10 * k, 10 * k + size) for k, size in enumerate(sizes)}
    rows = pairwise(factors)
    assert all(list(row) == list(factors) for row in rows)
    met = {pair for row in rows for pair in combinations(row.items(), 2)}
    assert met == set(all_pairs(factors))
    fewest = max(a * b for a, b in combinations(sizes, 2))
    assert fewest <= len(rows) <= 1.2 * fewest


def test_the_rows_are_the_same_ones_in_every_call():
    factors = {"a": "xyz", "b": (1, 2), "c": (True, False)}
    assert pairwise(factors) == pairwise(factors)
    assert len(pairwise(factors)) < len(list(product(*factors.values())))


@pytest.mark.parametrize("sizes", [(6, 6, 2), (5, 4, 3, 2), (11, 7, 2)])
def test_of_what_makes_no_difference_every_value_is_taken_about_as_often(sizes):
    """A case that only ever comes with one value of a factor says nothing of the others."""
    factors = {f"factor {k}": range(size) for k, size in enumerate(sizes)}
    rows = pairwise(factors)
    for name, values in factors.items():
        taken = [sum(row[name] == value for row in rows) for value in values]
        assert max(taken) - min(taken) <= 0.2 * len(rows)
