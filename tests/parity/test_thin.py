"""Batches in the lanes: networks of dense layers of any size agree with the reference."""

import dataclasses
import math

import numpy as np
import pytest
from drawn_networks import drawn_case, failures, is_comparable

from samplewise.contract import PlanSpec, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adam,
    Dense,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.testing import tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.many import ManyCase, many
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.thin_rows import FAR
from samplewise_backends.numba_cpu.plans import thin as thin_plan
from samplewise_backends.numba_cpu.plans.lowering import spread
from samplewise_backends.numba_cpu.plans.members import Member

GROUPS, EACH = 6, 10


# With inputs of whole vectors, most weights are stepped in by tiles.
@pytest.mark.parametrize("multiple", [1, 16])
@pytest.mark.parametrize("group", range(GROUPS))
def test_drawn_networks_of_dense_layers_agree_with_the_reference(group, multiple):
    cases = [drawn_case(seed, multiple) for seed in range(group * EACH, (group + 1) * EACH)]
    found = [words for case in cases if is_comparable(case) for words in failures(case)]
    assert not found, "\n".join(found)


def trained(X, plan, dtype, optimizer=None, batch_size=5, order=None, hidden=(7, 4)):
    """Return parameters and losses of an epoch; without an order, as the rows lie."""
    network, rows = multilayer_perceptron(X.shape[1], hidden, 3), len(X)
    optimizer = optimizer or SGD(momentum=0.9)
    workload = Workload(rows, batch_size, **PlanSpec.parse("plan", plan).fields())
    loss = loss_named("categorical_cross_entropy")
    program = NumbaBackend().compile(network, loss, optimizer, np.dtype(dtype), workload)
    weights = initialize(network, "glorot_uniform", np.random.default_rng(0), dtype)
    state = TrainingState(weights, aligned_zeros(optimizer.slots * len(weights), weights.dtype))
    order = np.arange(rows) if order is None else order
    losses, Y = np.zeros(rows, dtype), np.zeros((rows, 3), dtype)
    Y[order, np.arange(rows) % 3] = 1
    steps = Steps(order, 0, rows, batch_size, 0.1)
    program.run_epoch(state, X.astype(dtype), Y, steps, losses)
    return state.parameters, losses


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9), Adam()], ids=str)
@pytest.mark.parametrize("special", [np.nan, np.inf])
# Of 64 inputs, loops take the first layer.
@pytest.mark.parametrize("inputs", [13, 16, 64])
def test_a_nan_or_infinity_of_a_row_reaches_losses_and_weights_as_by_rows(
    dtype, optimizer, special, inputs
):
    X = np.random.default_rng(1).standard_normal((12, inputs))
    X[3, -1] = special
    thin, by_rows = (trained(X, plan, dtype, optimizer) for plan in ("direct:thin", "direct"))
    for got, want in zip(thin, by_rows, strict=True):
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        assert np.isnan(got).any()
    # All that is made of a row of its own.
    assert np.isfinite(thin[1][[0, 1, 2, 4]]).all()


@pytest.mark.parametrize("batch_size", [2, 5, 12, 50])
@pytest.mark.parametrize("inputs", [13, 64])
def test_rows_of_an_earlier_batch_are_never_seen_again(batch_size, inputs):
    X = np.random.default_rng(2).standard_normal((12, inputs))
    assert thin_plan.takes_loops(inputs, 7) == (inputs == 64)
    thin, by_rows = (
        trained(X, plan, "float64", batch_size=batch_size) for plan in ("direct:thin", "direct")
    )
    allowed = tolerances.after_steps(-(-12 // batch_size), "float64")
    for got, want in zip(thin, by_rows, strict=True):
        assert np.abs(got - want).max() <= allowed.relative * np.abs(want).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("inputs", [16, 21, 512, 1024, FAR // 40 // 16 * 16 + 16, FAR // 40 + 3])
def test_rows_that_lie_in_order_are_read_in_place_with_the_same_bits(dtype, inputs):
    rng = np.random.default_rng(3)
    X, order = rng.standard_normal((40, inputs)), rng.permutation(40)
    in_order = trained(X[order], "direct:thin", dtype, batch_size=16)
    gathered = trained(X, "direct:thin", dtype, batch_size=16, order=order)
    for got, want in zip(in_order, gathered, strict=True):
        assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("inputs", [FAR // 40 // 16 * 16 + 16, FAR // 40 + 3])
def test_rows_that_are_fetched_ahead_are_not_those_that_are_copied(inputs):
    rng = np.random.default_rng(5)
    X, order = rng.standard_normal((40, inputs)), rng.permutation(40)
    thin, by_rows = (
        trained(X, plan, "float64", batch_size=7, order=order) for plan in ("direct:thin", "direct")
    )
    allowed = tolerances.after_steps(6, "float64")
    for got, want in zip(thin, by_rows, strict=True):
        assert np.abs(got - want).max() <= allowed.relative * np.abs(want).max()


@pytest.mark.parametrize(
    ("inputs", "units", "batch_size", "expected"),
    [
        (3_000, 100, 200, 160),
        (100, 100, 1_797, 64),
        (64, 100, 200, 64),
        (3_000, 10, 200, 3_000),
        (30_000, 100, 64, 30_000),
        (70, 32, 100_000, 64),
        (17, 32, 100_000, 17),
    ],
)
def test_inputs_are_taken_in_parts_where_a_batch_is_large(inputs, units, batch_size, expected):
    dtype = np.dtype("float64")
    assert thin_plan.inputs_at_once(inputs, units, batch_size, dtype) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [SGD(), SGD(momentum=0.9, nesterov=True), Adam(), SGD(clip_norm=0.01)],
    ids=["plain", "nesterov", "adam", "clip_norm"],
)
@pytest.mark.parametrize("inputs", [80, 93])
def test_inputs_that_are_taken_in_parts_give_the_bits_of_all_at_once(
    monkeypatch, dtype, optimizer, inputs
):
    rng = np.random.default_rng(6)
    X, order = rng.standard_normal((150, inputs)), rng.permutation(150)
    given = X, "direct:thin", dtype, optimizer

    def found(part, special=0.0):
        monkeypatch.setattr(thin_plan, "NEAR", part)
        monkeypatch.setattr(thin_plan, "PART", part)
        monkeypatch.setattr(thin_plan, "FEWEST_INPUTS", 16)
        X[order[70], -1] += special
        return trained(*given, batch_size=65, order=order, hidden=(23, 4))

    assert thin_plan.inputs_at_once(inputs, 23, 65, np.dtype(dtype)) == inputs
    for special in (0.0, np.nan):
        whole, parts = found(2**30, special), found(1, special)
        assert thin_plan.inputs_at_once(inputs, 23, 65, np.dtype(dtype)) == 16
        for got, want in zip(parts, whole, strict=True):
            assert got.tobytes() == want.tobytes()
    assert np.isnan(parts[1][70])
    assert np.isfinite(parts[1][:65]).all()


def test_the_last_vector_of_a_whole_gradient_has_room(monkeypatch):
    sizes, give_buffers = [], thin_plan.give_buffers

    def noted(nets, size, gradient):
        sizes.append(gradient)
        return give_buffers(nets, size, gradient)

    monkeypatch.setattr(thin_plan, "give_buffers", noted)
    member = Member(multilayer_perceptron(3, (3,), 1), SGD(clip_norm=0.1))
    thin_plan.Thin([member], 5, loss_named("binary_cross_entropy"), np.dtype("float64"))
    assert sizes == [member.network.layout.size + LANES]


@pytest.mark.parametrize("plan", ["direct", "auto"])
def test_equal_networks_of_which_one_limits_its_norm_train_together(plan):
    plain = dense_case(7, (5,), 3, optimizer=Adam(), batch_size=5)
    limited = dataclasses.replace(plain, optimizer=Adam(clip_norm=0.01))
    found = many(NumbaBackend(), ManyCase((plain, limited, plain)), plan)
    assert not [str(measure) for measure in found if not measure.passed]


@pytest.mark.parametrize("plan", ["direct:thin", "direct"])
def test_biases_alone_may_have_gradients_whose_squares_overflow(plan):
    network, rows = multilayer_perceptron(4, (3,), 1, "tanh"), 10
    weights = network.layout.zeros("float64")
    network.layout.views(weights)["1.weight"][...] = 1e160
    workload = Workload(rows, 5, **PlanSpec.parse("plan", plan).fields())
    loss, optimizer = loss_named("mean_absolute_error"), SGD(clip_norm=0.5)
    program = NumbaBackend().compile(network, loss, optimizer, np.dtype("float64"), workload)
    state = TrainingState(weights, aligned_zeros(0, weights.dtype))
    steps = Steps(np.arange(rows), 0, 5, 5, 0.1)
    program.run_epoch(state, np.zeros((rows, 4)), np.ones((rows, 1)), steps, np.zeros(rows))
    # The loss is the distance of 0 from 1: the gradient of each of the three is -1e160.
    moved = network.layout.views(weights)["0.bias"]
    wanted = 0.1 * 0.5 / math.sqrt(3)
    assert np.abs(moved - wanted).max() <= tolerances.after_steps(1, "float64").relative * wanted


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 2, 10])
@pytest.mark.parametrize("scale", [2.0**power for power in (-10, 0, 7, 17)])
def test_losses_and_decisions_are_those_by_rows_for_logits_of_any_size(dtype, outputs, scale):
    rng, rows = np.random.default_rng(4), 40
    X, labels = scale * rng.standard_normal((rows, 7)), rng.integers(0, max(outputs, 2), rows)
    Y = np.eye(outputs)[labels] if outputs > 1 else labels[:, None]
    # Equal logits: the first class is decided for, and a logit of 0 is not above 0.
    X[5] = 0
    found = []
    for plan in ("direct:thin", "direct"):
        network = Network(7, (Dense(outputs),))
        name = "categorical_cross_entropy" if outputs > 1 else "binary_cross_entropy"
        workload = Workload(rows, 16, **PlanSpec.parse("plan", plan).fields())
        program = NumbaBackend().compile(
            network, loss_named(name), SGD(), np.dtype(dtype), workload
        )
        weights = initialize(network, "glorot_uniform", np.random.default_rng(0), dtype)
        state = TrainingState(weights, aligned_zeros(0, weights.dtype))
        losses, decisions = np.zeros(rows, dtype), np.full(rows, -1)
        steps = Steps(np.arange(rows), 0, rows, 16, 0.0, decisions=decisions)
        program.run_epoch(state, X.astype(dtype), Y.astype(dtype), steps, losses)
        found.append((losses, decisions))
    (got, decided), (want, wanted) = found
    allowed = tolerances.after_steps(1, dtype)
    assert np.abs(got - want).max() <= allowed.relative * max(np.abs(want).max(), scale)
    np.testing.assert_array_equal(decided, wanted)
    assert decided[5] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9)], ids=str)
# Of more units, steps are taken by a row after the other.
@pytest.mark.parametrize("units", [512, 1040])
def test_layers_whose_rows_would_crowd_a_cache_are_trained_as_by_rows(dtype, optimizer, units):
    X = np.random.default_rng(8).standard_normal((33, 1024)) / 32
    thin, by_rows = (
        trained(X, plan, dtype, optimizer, batch_size=16, hidden=(units, 6))
        for plan in ("direct:thin", "direct")
    )
    allowed = tolerances.after_steps(3, dtype)
    for got, want in zip(thin, by_rows, strict=True):
        assert np.abs(got - want).max() <= allowed.relative * np.abs(want).max()


@pytest.mark.parametrize("units", [1, 16, 100, 512, 1024, 1536, 4096])
def test_rows_of_layers_do_not_lie_4_kib_apart(units):
    for dtype in (np.float32, np.float64):
        assert spread(units) * np.dtype(dtype).itemsize % 4096 != 0
    assert units <= spread(units) < units + 2 * LANES


def trained_in_groups(members, groups, batch_size, dtype, epochs=3, inputs=13):
    """Return parameters, slots, losses and decisions of networks that `Thin` trains in groups."""
    rng, rows, loss = np.random.default_rng(8), 50, loss_named("categorical_cross_entropy")
    X, Y = rng.standard_normal((rows, inputs)).astype(dtype), np.zeros((rows, 3), dtype)
    Y[np.arange(rows), rng.integers(0, 3, rows)] = 1
    orders = [rng.permutation(rows) for _ in range(epochs)]
    found = {}
    for group in groups:
        trainer = thin_plan.Thin([members[i] for i in group], batch_size, loss, np.dtype(dtype))
        states = [first_state(members[i], i, dtype) for i in group]
        losses = np.zeros((epochs, len(group), rows), dtype)
        decisions = {i: [np.full(rows, -1) for _ in orders] for i in group}
        windows = [
            [
                Steps(order, 0, rows, batch_size, 0.01 * (i + 1), decisions=decisions[i][epoch])
                for i in group
            ]
            for epoch, order in enumerate(orders)
        ]
        run = trainer.prepare(states, X, Y, windows, losses)
        for epoch in range(epochs):
            run(epoch)
        for k, i in enumerate(group):
            state = states[k]
            arrays = state.parameters, state.optimizer_state, losses[:, k], np.array(decisions[i])
            found[i] = [np.ascontiguousarray(array).tobytes() for array in arrays]
            assert np.array(decisions[i]).min() >= 0
        trainer.forget()
    return [found[i] for i in sorted(found)]


def first_state(member, seed, dtype):
    network, slots = member.network, member.optimizer.slots
    weights = initialize(network, "glorot_uniform", np.random.default_rng(seed), dtype)
    return TrainingState(weights, aligned_zeros(slots * len(weights), weights.dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [7, 16, 50])
@pytest.mark.parametrize("inputs", [13, 16])
def test_networks_that_share_their_batches_have_the_bits_of_each_alone(dtype, batch_size, inputs):
    optimizers = SGD(), SGD(momentum=0.9, nesterov=True), Adam(), Adam(clip_norm=0.1), SGD(l2=0.1)
    hidden = (5,), (8, 4), (3,), (9,), ()
    members = [
        Member(multilayer_perceptron(inputs, units, 3, "tanh" if k % 2 else "relu"), optimizer)
        for k, (units, optimizer) in enumerate(zip(hidden, optimizers, strict=True))
    ]
    given = members, batch_size, dtype
    alone = trained_in_groups(given[0], [[i] for i in range(5)], *given[1:], inputs=inputs)
    for groups in ([[0, 1, 2, 3, 4]], [[3, 0], [4, 2, 1]]):
        assert trained_in_groups(given[0], groups, *given[1:], inputs=inputs) == alone


def test_networks_that_take_their_rows_in_one_way_share_batches_as_far_as_caches_hold_them():
    members = [Member(multilayer_perceptron(64, (units,), 3), Adam()) for units in (4, 30, 300) * 2]
    workload, dtype = Workload(100, 20, threads=1), np.dtype("float64")
    groups = thin_plan.groups_thin(members, range(6), workload, dtype)
    # Loops take the first layer of 4 units; 300 units and Adam's numbers fill a cache alone.
    assert groups == [[2], [5], [1, 4], [0, 3]]
    both = dataclasses.replace(workload, threads=2)
    assert sorted(thin_plan.groups_thin(members, [0, 1, 3, 4], both, dtype)) == [[0], [1], [3], [4]]
    assert thin_plan.groups_thin(members, [4], both, dtype) == [[4]]
