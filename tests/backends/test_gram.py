"""Gram matrices and orders that programs keep: used again only where they still hold."""

import threading

import numpy as np
import pytest

from limits import joined
from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, aligned_zeros, multilayer_perceptron
from samplewise.threads import limited
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.records import ROWS
from samplewise_backends.numba_cpu.plans.gram import ROWS_AT_ONCE, FullGram, GramBlocks, Rows
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.storage import Stacked

RNG = np.random.default_rng(0)
BLOCK = 4


def windows(order, edges):
    """Return the steps of an epoch, cut at some edges."""
    pairs = zip((0, *edges), (*edges, len(order)), strict=True)
    return [Steps(order, start, stop, 1, 0.1) for start, stop in pairs]


@pytest.mark.parametrize("rows", [5, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 77])
@pytest.mark.parametrize("shuffled", [False, True])
def test_the_whole_gram_matrix_is_there_however_rows_are_first_seen(rows, shuffled):
    X = RNG.standard_normal((rows, 7))
    order = RNG.permutation(rows) if shuffled else np.arange(rows)
    gram = FullGram()
    with limited(1):
        for steps in windows(order, (2, rows // 3 + 3)):
            found = gram.covering(X, steps)
            seen = order[: steps.stop]
            np.testing.assert_allclose(found[np.ix_(seen, seen)], X[seen] @ X[seen].T, atol=1e-13)
        np.testing.assert_array_equal(gram.whole(X), found)
        other = X + 1
        found = gram.covering(other, Steps(order, 0, rows, 1, 0.1))
    np.testing.assert_allclose(found, other @ other.T, atol=1e-12)


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_whole_gram_matrix_has_the_same_bits_wherever_an_epoch_is_cut(shuffled):
    rows = 3 * ROWS_AT_ONCE + 50
    X = RNG.standard_normal((rows, 300)).astype(np.float32)
    order = RNG.permutation(rows) if shuffled else np.arange(rows)
    found = []
    for chunk in (32, 96, 320, rows):
        gram = FullGram()
        with limited(1):
            for steps in windows(order, range(chunk, rows, chunk)):
                gram.covering(X, steps)
        found.append(gram.whole(X).tobytes())
    assert len(set(found)) == 1


def test_gram_blocks_follow_the_order_and_the_rows():
    X = RNG.standard_normal((10, 6))
    blocks = GramBlocks(BLOCK, Rows(BLOCK, 6, X.dtype))
    orders = np.arange(10), RNG.permutation(10)
    for rows, order in ((X, orders[0]), (X, orders[1]), (X + 1, orders[1])):
        found = blocks.of(rows, Steps(order, 0, 10, 1, 0.1))
        for start in range(0, 10, BLOCK):
            own = rows[order[start : start + BLOCK]]
            got = found[start : start + len(own), : len(own)]
            # A step needs the rows before its own only.
            np.testing.assert_allclose(np.tril(got), np.tril(own @ own.T), atol=1e-13)


def test_gram_blocks_of_two_orders_are_kept():
    X = RNG.standard_normal((10, 6))
    blocks = GramBlocks(BLOCK, Rows(BLOCK, 6, X.dtype))
    first, second, third = (Steps(RNG.permutation(10), 0, 10, 1, 0.1) for _ in range(3))
    ahead = [blocks.of(X, steps) for steps in (first, second)]
    # A group that is an epoch behind asks for the earlier order again.
    for steps, known in zip((first, second), ahead, strict=True):
        assert blocks.of(X, steps) is known
    blocks.of(X, third)
    assert blocks.of(X, second) is ahead[1]
    assert blocks.of(X, first) is not ahead[0]


def test_gram_blocks_of_two_orders_are_never_mixed_up_by_two_threads(monkeypatch):
    X = RNG.standard_normal((10, 6))
    blocks = GramBlocks(BLOCK, Rows(BLOCK, 6, X.dtype))
    orders = np.arange(10), RNG.permutation(10)
    first, second = (Steps(order, 0, 10, 1, 0.1) for order in orders)
    ahead = threading.Thread(target=lambda: blocks.of(X, second))

    def interrupted(shape, dtype):
        # The other thread comes between; where it must wait, it goes on later.
        if ahead.ident is None:
            ahead.start()
            ahead.join(0.2)
        return aligned_zeros(shape, dtype)

    where = "samplewise_backends.numba_cpu.plans.gram.aligned_zeros"
    monkeypatch.setattr(where, interrupted)
    blocks.of(X, first)
    joined(ahead)
    for steps in (second, first):
        own = X[steps.order[:BLOCK]]
        found = blocks.of(X, steps)[:BLOCK]
        np.testing.assert_allclose(np.tril(found), np.tril(own @ own.T), atol=1e-13)


def test_stacked_networks_take_the_states_that_come():
    network = multilayer_perceptron(3, (2,), 1)
    stacked = Stacked([Member(network, SGD()), Member(network, SGD())], np.dtype("float64"))
    size = network.layout.size
    for _ in range(2):
        states = [TrainingState(RNG.standard_normal(size), np.zeros(0)) for _ in range(2)]
        given = stacked.enter(states)
        for k, state in enumerate(states):
            W = network.layout.views(state.parameters)["0.weight"]
            np.testing.assert_array_equal(given.W[2 * k : 2 * k + 2], W)
        given.W[...] += 1
        stacked.leave()
        for k, state in enumerate(states):
            W = network.layout.views(state.parameters)["0.weight"]
            np.testing.assert_array_equal(given.W[2 * k : 2 * k + 2], W)


@pytest.mark.parametrize(
    ("X", "order", "field"),
    [
        (np.zeros((5, 6))[:, ::2], np.arange(5), "X"),
        (np.zeros((5, 3), np.float32), np.arange(5), "X"),
        (np.zeros((5, 3)), np.arange(5, dtype=np.int32), "order"),
    ],
)
def test_rows_that_are_refused_are_refused_again(X, order, field):
    rows, record = Rows(BLOCK, 3, np.dtype("float64")), Struct(ROWS, "float64")
    (steps,) = windows(order, ())
    for _ in range(2):
        with pytest.raises(TypeError, match=f"rows.{field}: must be a contiguous array"):
            rows.describe(record, X, steps)


def test_a_record_has_the_window_that_was_described_last():
    order, other = np.arange(5), np.arange(5)[::-1].copy()
    X, other_X = RNG.standard_normal((2, 5, 3))
    kept, records = Rows(BLOCK, 3, X.dtype), [Struct(ROWS, X.dtype) for _ in range(2)]
    described = [
        (0, X, order, 0, 4),
        (0, X, order, 0, 5),
        (0, X, order, 4, 5),
        (0, X, other, 4, 5),
        (0, other_X, other, 4, 5),
        (1, other_X, other, 4, 5),
        (0, X, order, 4, 5),
    ]
    for index, rows, taken, start, stop in described:
        steps, own = Steps(taken, start, stop, 1, 0.1), records[index]
        kept.describe(own, rows, steps)
        wanted = (rows.ctypes.data, 5, 3, taken.ctypes.data, start, stop, taken is order)
        names = "X", "samples", "inputs", "order", "start", "stop", "in_order"
        assert tuple(own.memory[name].item() for name in names) == wanted
    records[0].set(start=3)
    kept.forget()
    kept.describe(own, rows, steps)
    assert own.memory["start"] == 4
