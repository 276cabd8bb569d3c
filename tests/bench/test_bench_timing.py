"""Timing is interleaved, and its arithmetic is right."""

import pytest

from samplewise.errors import ParameterError
from samplewise_bench.timing import TimeSpread, interleave
from samplewise_bench.training import TimedRun


def a_run(seconds):
    return TimedRun(seconds, 0.7, 0.1, 1.0)


def test_contestants_take_turns():
    calls = []

    def contestant(name):
        return lambda: calls.append(name) or a_run(len(calls))

    runs = interleave({name: contestant(name) for name in "AB"}, rounds=3)
    assert calls == list("ABABAB")
    assert [run.seconds for run in runs["A"]] == [1, 3, 5]
    assert [run.seconds for run in runs["B"]] == [2, 4, 6]


@pytest.mark.parametrize("rounds", [0, -1, 2.5, True])
def test_rounds_must_be_a_count(rounds):
    with pytest.raises(ParameterError, match="rounds"):
        interleave({"A": lambda: a_run(1)}, rounds=rounds)


def test_the_spread_is_median_least_and_most_in_milliseconds():
    spread = TimeSpread.of([0.003, 0.001, 0.1, 0.002, 0.004])
    assert (spread.median_ms, spread.min_ms, spread.max_ms) == pytest.approx((3, 1, 100))
    assert str(spread) == "3.00 (1.00..100)"
