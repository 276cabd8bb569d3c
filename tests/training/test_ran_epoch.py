"""Epochs that are measured at once have the figures of each measured by itself, to the bit."""

import math

import numpy as np
import pytest

from samplewise.errors import ContractError, DivergenceError
from samplewise.training.ran_epoch import RanEpoch, find_means
from samplewise.training.running_accuracy import RunningAccuracy

# Sums of float32 are taken in parts of 8192 numbers.
LENGTHS = [1, 7, 8, 9, 127, 129, 1000, 8191, 8192, 8193, 20001]


def epochs(losses, orders=None, decisions=None, weights=None):
    orders = orders or [np.arange(losses.shape[1])] * len(losses)
    decided = [None] * len(losses) if decisions is None else decisions
    return [
        RanEpoch(k + 1, order, own, 0.1, weights, False, said, None, None)
        for k, (own, order, said) in enumerate(zip(losses, orders, decided, strict=True))
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", LENGTHS)
@pytest.mark.parametrize("apart", [False, True])
def test_means_are_those_of_each_epoch(dtype, rows, apart):
    rng = np.random.default_rng(rows)
    every = rng.lognormal(sigma=3, size=(5, 2, rows)).astype(dtype)
    # Several networks' losses lie epoch by epoch.
    losses = every[:, 1] if apart else every.reshape(10, rows)
    each, at_once = epochs(losses), epochs(losses)
    find_means(at_once)
    assert [one.mean for one in each] == [None] * len(each)
    assert [one.loss(0.25) for one in at_once] == [one.loss(0.25) for one in each]


def test_means_of_weighted_rows_are_left_to_each_epoch():
    ran = epochs(np.ones((2, 3)), weights=np.array([1.0, 2.0, 0.0]))
    find_means(ran)
    assert [one.mean for one in ran] == [None, None]
    assert ran[0].loss(None) == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e308])
def test_a_mean_that_is_not_finite_is_refused_in_its_epoch_alone(bad):
    losses = np.ones((3, 4))
    losses[1] = bad
    ran = epochs(losses)
    find_means(ran)
    assert ran[0].loss(None) == ran[2].loss(None) == 1
    with pytest.raises(DivergenceError, match="mean loss became .* in epoch 2"):
        ran[1].loss(None)


@pytest.mark.parametrize("shuffled", [False, True])
def test_decisions_are_counted_by_the_order_of_each_epoch(shuffled):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 17)
    order = rng.permutation(17)
    orders = [rng.permutation(17) for _ in range(4)] if shuffled else [order] * 4
    decisions = [rng.integers(0, 3, 17) for _ in range(4)]
    losses = np.zeros((4, 17))
    each, at_once = epochs(losses, orders, decisions), epochs(losses, orders, decisions)
    RunningAccuracy(labels).count(at_once)
    found = [RunningAccuracy(labels).of(one, "x") for one in at_once]
    assert all(one.right is not None for one in at_once)
    assert found == [RunningAccuracy(labels).of(one, "x") for one in each]
    assert len(set(found)) > 1


def test_a_decision_that_is_missing_is_named_in_its_epoch():
    labels = np.array([0, 1, 1])
    decisions = [labels.copy(), np.array([0, -1, 1])]
    ran = epochs(np.zeros((2, 3)), decisions=decisions)
    running = RunningAccuracy(labels)
    running.count(ran)
    assert running.of(ran[0], "x") == 1
    with pytest.raises(ContractError, match="decisions of its steps unwritten"):
        running.of(ran[1], "x")
