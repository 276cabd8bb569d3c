"""Networks that train at once are split into groups of like velocities and like cost."""

import numpy as np
import pytest

from samplewise.contract import Plan, Workload
from samplewise.network import SGD, Dense, MaxPool2D, Network, multilayer_perceptron
from samplewise_backends.numba_cpu.plans.coefficients import form_of, velocity_rows
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.split import GROUP_BYTES, PARTS, groups_of

FLOAT64, WORK = np.dtype("float64"), Workload(800)
DUAL = Plan("dual", "as asked", 64)
BLOCKED = Plan("blocked", "as asked", 32)


def members_of(widths, momenta):
    return [
        Member(multilayer_perceptron(784, (width,), 1), SGD(momentum=momentum))
        for width, momentum in zip(widths, momenta, strict=True)
    ]


def groups(members, plan=DUAL):
    found = groups_of(members, range(len(members)), plan, WORK, FLOAT64)
    assert sorted(i for group in found for i in group) == list(range(len(members)))
    assert all(len({form_of(members[i].optimizer) for i in group}) == 1 for group in found)
    return found


def terms_of(members, group):
    """Return the multiply-adds of a row of the first layers of a group by the dual plan."""
    optimizers = [members[i].optimizer for i in group]
    last = velocity_rows(optimizers, 800, 1, 64, FLOAT64) if optimizers[0].momentum else 0
    return (800 + last) * sum(members[i].units for i in group)


def ends_on(threads, members, found):
    """Return when the last of some threads ends that take the groups in turn, and the mean."""
    ends = [0] * threads
    for group in found:
        ends[ends.index(min(ends))] += terms_of(members, group)
    return max(ends), sum(ends) / threads


def test_wide_networks_whose_velocities_fade_alike_form_a_group():
    momenta = [0.9, 0.3, 0.0, 0.5] * 40
    members = members_of([10 + k for k in range(160)], momenta)
    for group in groups(members):
        kept = {velocity_rows([SGD(momentum=momenta[i])], 800, 1, 64, FLOAT64) for i in group}
        assert len(kept) == 1
        assert sum(members[i].units for i in group) * 784 * 8 <= 1.5 * GROUP_BYTES


def test_a_few_narrow_networks_share_a_group_whatever_their_momenta():
    assert groups(members_of([1, 1, 1], [0.3, 0.9, 0.95])) == [[0, 1, 2]]


def test_more_than_a_few_networks_split_over_two_threads():
    assert sorted(groups(members_of([2] * 4, [0.5] * 4))) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_no_thread_waits_long_for_the_last_group(threads):
    momenta = np.random.default_rng(5).choice([0.0, 0.3, 0.5, 0.9, 0.95], 64)
    members = members_of(np.random.default_rng(6).choice([20, 60], 64), momenta.tolist())
    found = groups(members)
    last, mean = ends_on(threads, members, found)
    assert last < 1.2 * mean
    assert terms_of(members, found[0]) == max(terms_of(members, group) for group in found)
    assert len(found) <= 2 * PARTS


def test_networks_whose_first_layer_has_no_weights_are_split_too():
    network = Network((8, 8, 2), (MaxPool2D(2), Dense(40, "relu"), Dense(1)))
    direct = Plan()
    found = groups([Member(network, SGD()) for _ in range(5)], direct)
    assert sorted(map(len, found)) == [2, 3]


def test_velocities_that_another_plan_keeps_whole_do_not_part_networks():
    members = members_of([30] * 4, [0.3, 0.95, 0.3, 0.95])
    assert sorted(groups(members, BLOCKED)) == [[0, 1], [2, 3]]
    assert sorted(groups(members, DUAL)) == [[0, 2], [1, 3]]


def test_networks_of_any_momenta_form_groups_of_like_cost():
    momenta = np.random.default_rng(5).uniform(0.1, 0.99, 90).tolist()
    members = members_of([60] * 90, momenta)
    costs = [terms_of(members, group) for group in groups(members)]
    assert max(costs) < 2 * sum(costs) / len(costs)
