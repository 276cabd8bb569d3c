"""Products that are taken in tiles: networks of any size agree with the reference."""

import pytest
from drawn_networks import (
    drawn_case,
    drawn_in_blocks,
    drawn_of_any_layers,
    drawn_of_any_layers_by_sgd,
    failures,
    is_comparable,
    plans_in_tiles,
    single_failures,
)

GROUPS, EACH = 6, 10


def seeds(group):
    return range(group * EACH, (group + 1) * EACH)


def differences(cases, plans_of):
    """Return in words how epochs of comparable cases, by each of their plans, differ."""
    return [
        words
        for case in filter(is_comparable, cases)
        for plan in plans_of(case)
        for words in failures(case, plan)
    ]


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_in_blocks_agree_with_the_reference(group):
    found = differences(map(drawn_in_blocks, seeds(group)), plans_in_tiles)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_by_rows_agree_with_the_reference(group):
    found = differences(map(drawn_case, seeds(group)), lambda _: ("direct",))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_of_any_layers_agree_with_the_reference(group):
    cases = map(drawn_of_any_layers, seeds(group))
    found = [
        words
        for case in cases
        if is_comparable(case)
        for words in failures(case, "direct") + single_failures(case)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_of_any_layers_by_sgd_agree_with_the_reference(group):
    found = [
        words
        for case, plans in map(drawn_of_any_layers_by_sgd, seeds(group))
        for words in differences([case], lambda _, plans=plans: plans)
    ]
    assert not found, "\n".join(found)
