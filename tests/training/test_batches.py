"""Order and chunks: every row once, edges at batches, and no edge that a clock decides."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_problem import LABELS, NETWORK, X

from samplewise.contract import Plan, Steps, Workload
from samplewise.network import multilayer_perceptron
from samplewise.streams import Streams
from samplewise.training import batches
from samplewise.training.network_steps import NetworkSteps
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train


@settings(deadline=None)
@given(
    rows=st.integers(1, 70_000),
    batch_size=st.integers(1, 40_000),
    samples=st.integers(0, 10**6),
)
def test_chunks_cover_an_epoch_and_end_at_batch_edges(rows, batch_size, samples):
    order = batches.fixed_order(rows)
    end = 0
    for steps in batches.chunks(order, batch_size, 0.1, samples):
        assert steps.start == end
        assert steps.start % batch_size == 0
        assert steps.stop % batch_size == 0 or steps.stop == rows
        assert steps.stop - steps.start <= max(samples, batch_size)
        end = steps.stop
    assert end == rows


@settings(deadline=None)
@given(
    rows=st.integers(1, 70_000),
    batch_size=st.integers(1, 80_000),
    samples=st.integers(0, 10**5),
)
def test_the_contract_says_how_long_the_first_window_is(rows, batch_size, samples):
    work = Workload(rows=rows, batch_size=batch_size)
    first, *_ = batches.windows(min(batch_size, rows), samples, rows)
    assert first == (0, work.first_window(samples))


def test_the_last_batch_of_an_epoch_of_one_chunk_is_in_it():
    assert list(batches.windows(200, 1198, 1198)) == [(0, 1198)]
    assert list(batches.windows(200, 1198, 1198, 1000)) == [(1000, 1198)]
    assert list(batches.windows(200, 1197, 1198)) == [(0, 1000), (1000, 1198)]


def test_a_chunk_is_of_bounded_work_and_the_report_fits_into_one():
    assert batches.chunk_samples_of_all([multilayer_perceptron(784, (10,), 1)], Plan()) > 800
    large = multilayer_perceptron(10_000, (1000,), 10)
    samples = batches.chunk_samples_of_all([large], Plan())
    assert samples * large.multiply_adds <= batches.CHUNK_MULTIPLY_ADDS


def test_a_plan_may_set_the_length_of_a_chunk():
    assert batches.chunk_samples_of_all([multilayer_perceptron(784, (10,), 1)], Plan(chunk=7)) == 7


def test_a_chunk_holds_whole_blocks():
    network = multilayer_perceptron(784, (256,), 1)
    free = batches.chunk_samples_of_all([network], Plan())
    assert batches.chunk_samples_of_all([network], Plan(block=64)) == free // 64 * 64 < free
    assert batches.chunk_samples_of_all([network], Plan(block=10_000)) == free


def test_a_fixed_order_is_one_and_the_same_array():
    orders = batches.Orders(5, None)
    first = orders.of_epoch(1)
    assert first.tolist() == [0, 1, 2, 3, 4]
    assert orders.of_epoch(2) is first


def test_shuffled_orders_are_permutations_that_differ_and_repeat_with_the_seed():
    def drawn(seed):
        orders = batches.Orders(50, seed)
        return [orders.of_epoch(epoch).tolist() for epoch in (1, 2, 3)]

    epochs = drawn(0)
    assert all(sorted(order) == list(range(50)) for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs == drawn(0)
    assert epochs != drawn(1)


def test_the_order_of_an_epoch_does_not_depend_on_those_before_it():
    later = batches.Orders(50, 3).of_epoch(7)
    orders = batches.Orders(50, 3)
    drawn = [orders.of_epoch(epoch) for epoch in range(1, 8)]
    np.testing.assert_array_equal(drawn[-1], later)


@pytest.mark.parametrize("rows", [1, batches.KEPT_ROWS, batches.KEPT_ROWS + 1])
def test_a_kept_order_is_the_one_that_is_drawn(rows):
    for seed, epoch in [(3, 1), (3, 2), (4, 1), (3, 1)]:
        drawn = Streams(seed).of_epoch("order", epoch).permutation(rows)
        np.testing.assert_array_equal(batches.Orders(rows, seed).of_epoch(epoch), drawn)


@pytest.mark.parametrize("beyond", [0, 1])
def test_orders_of_few_rows_are_drawn_once(beyond):
    first, second = (batches.Orders(batches.KEPT_ROWS + beyond, 3).of_epoch(1) for _ in range(2))
    assert (first is second) == (beyond == 0)


@pytest.mark.parametrize(("rows", "seed"), [(5, 0), (5, None), (batches.KEPT_ROWS + 1, 0)])
def test_no_program_can_change_an_order(rows, seed):
    order = batches.Orders(rows, seed).of_epoch(1)
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 1
    assert order.dtype == np.int64


def test_steps_are_given_each_field_of_the_contract(monkeypatch):
    made, of_window = [], NetworkSteps.of_window
    monkeypatch.setattr(
        NetworkSteps, "of_window", lambda *given: made.append(of_window(*given)) or made[-1]
    )
    train(NETWORK, X, LABELS, TrainingSettings(epochs=1, backend="reference"))
    assert list(vars(made[0])) == [field.name for field in fields(Steps)]
