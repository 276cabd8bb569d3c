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


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_in_blocks_agree_with_the_reference(group):
    cases = [drawn_in_blocks(seed) for seed in range(group * EACH, (group + 1) * EACH)]
    found = [
        words
        for case in cases
        if is_comparable(case)
        for plan in plans_in_tiles(case)
        for words in failures(case, plan)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_by_rows_agree_with_the_reference(group):
    cases = [drawn_case(seed) for seed in range(group * EACH, (group + 1) * EACH)]
    found = [words for case in cases if is_comparable(case) for words in failures(case, "direct")]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_of_any_layers_agree_with_the_reference(group):
    cases = map(drawn_of_any_layers, range(group * EACH, (group + 1) * EACH))
    found = [
        words
        for case in cases
        if is_comparable(case)
        for words in failures(case, "direct") + single_failures(case)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_of_any_layers_by_sgd_agree_with_the_reference(group):
    cases = map(drawn_of_any_layers_by_sgd, range(group * EACH, (group + 1) * EACH))
    found = [
        words
        for case, plans in cases
        if is_comparable(case)
        for plan in plans
        for words in failures(case, plan)
    ]
    assert not found, "\n".join(found)
