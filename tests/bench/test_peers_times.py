"""The times of peers, worked out by hand: of scripted turns, and on a clock that the test moves."""

import dataclasses
import time

import numpy as np
import pytest
from peers_task import small_task

from samplewise_bench import agreement
from samplewise_bench.peers import race
from samplewise_bench.peers.host import FirstRun, Host, Turn
from samplewise_bench.peers.results import TIMED
from samplewise_bench.peers.task import Outcome, Runner, Task
from samplewise_bench.timing import TimeSpread


class Scripted:
    """A peer that agrees, and whose turns take the seconds that a test has written down."""

    alive = True

    def __init__(self, name, outcome, first_s, *turns_s):
        self.name, self.outcome, self.first_s = name, outcome, first_s
        self.turns = iter(turns_s)
        self.taken, self.calls_s = [], []

    def ways(self, task):
        return ["way"]

    def prepare(self, way):
        return 0

    def first_run(self, number):
        return FirstRun(Turn(self.first_s, 1.0), None, self.outcome, None)

    def turn(self, number, least_s):
        self.taken.append(self.name)
        return Turn(next(self.turns), 0.5)

    def call(self, number, least_s):
        self.calls_s.append(1.0 + len(self.calls_s))
        return self.calls_s[-1]


def raced(task, rounds, **scripts):
    """Return the entry of each script by its name, and who took a turn when."""
    outcome, taken = agreement.standard(task).outcome, []
    remotes = {name: Scripted(name, outcome, *seconds) for name, seconds in scripts.items()}
    for remote in remotes.values():
        remote.taken = taken

    class Here:
        def remote(self, name, cores):
            return remotes[name]

    entries = race.run_race(task, list(scripts), Here(), lambda *_: True, rounds, lambda _: None)
    assert {entry.state for entry in entries} == {TIMED}
    return {entry.peer: entry for entry in entries}, taken


def test_each_has_the_rounds_that_fit_and_no_other_s():
    # Two runs of 4 s fit into the patience of 10 s, and one of 6; a run of 11 s is not run again.
    entries, taken = raced(
        small_task(),
        4,
        quick=(0.5, 0.75, 0.25, 0.5, 1.0),
        slow=(4.0, 4.5, 3.5),
        slower=(6.0, 7.0),
        slowest=(11.0,),
    )
    assert taken == ["quick", "slow", "slower", "quick", "slow", "quick", "quick"]
    assert {name: entry.rounds for name, entry in entries.items()} == {
        "quick": 4,
        "slow": 2,
        "slower": 1,
        "slowest": 1,
    }
    assert entries["quick"].spread == TimeSpread(625.0, 250.0, 1000.0)
    assert entries["slow"].spread == TimeSpread(4000.0, 3500.0, 4500.0)
    assert entries["slower"].spread == TimeSpread(7000.0, 7000.0, 7000.0)
    assert entries["slowest"].spread == TimeSpread(11000.0, 11000.0, 11000.0)
    assert (entries["quick"].core_share, entries["slowest"].core_share) == (0.5, 1.0)


def test_a_training_is_called_as_often_as_it_is_timed_inside():
    entries, _ = raced(small_task(), 3, one=(0.5, 0.25, 0.25, 0.25))
    assert entries["one"].call == TimeSpread(2000.0, 1000.0, 3000.0)


def test_a_call_is_timed_with_all_that_is_around_the_steps(hosted, clock):
    host = hosted((0.5, 0.5), (0.25, 0.25))
    # 32 s of taking fresh weights, and 64 s of giving the result back.
    assert host.call(0, 97) == 96.375


def test_predictions_have_no_call_around_them():
    entries, _ = raced(small_task(calls=64), 1, one=(0.5, 0.25))
    assert entries["one"].call is None


def test_the_time_of_calls_is_that_of_one_call():
    entries, _ = raced(small_task(calls=64), 2, one=(0.5, 0.25, 0.75))
    assert entries["one"].spread == TimeSpread(500 / 64, 250 / 64, 750 / 64)


def test_a_training_is_one_call_whatever_its_steps():
    entries, _ = raced(small_task(), 1, one=(0.5, 0.25))
    assert entries["one"].spread.median_ms == 250


def test_the_yardstick_is_relative_to_the_largest_weight():
    """Two float32 ulp of weights near 4 are 5e-7, but as much of those weights as of any other."""
    drawn = small_task().problem
    still = dataclasses.replace(drawn, init="normal", learning_rate=1e-12)
    assert np.abs(still.parameters).max() > 2
    allowed = agreement.standard(Task((still,))).allowed
    assert allowed.relative == pytest.approx(100 * np.finfo("float32").eps, rel=1e-6)


class Timed(Runner):
    """Takes the seconds of wall and processor time that a test has written down."""

    def __init__(self, clock, processor, *seconds, compile_s=None):
        self.clock, self.processor = clock, processor
        self.seconds, self.compile_s = iter(seconds), compile_s

    def reset(self):
        self.clock.move(32)
        self.processor.move(32)

    def run(self):
        wall, processor = next(self.seconds)
        self.clock.move(wall)
        self.processor.move(processor)

    def outcome(self):
        self.clock.move(64)
        return Outcome(np.zeros((1, 1)), np.zeros((1, 1)))


class TimedPeer:
    name, install = "timed", "nowhere"

    def __init__(self, clock, runner):
        self.clock, self.runner = clock, runner

    def load(self, cores):
        self.clock.move(0.25)
        return "1"

    def ways(self, task):
        return [""]

    def prepare(self, task, way):
        self.clock.move(16)
        return self.runner


@pytest.fixture
def hosted(clock, monkeypatch):
    """Return a function that gives a host whose runner takes these seconds."""
    processor = type(clock)()
    monkeypatch.setattr(time, "process_time", processor)

    def host(*seconds, compile_s=None):
        found = Host(TimedPeer(clock, Timed(clock, processor, *seconds, compile_s=compile_s)), 1)
        assert found.load() == ("1", 0.25)
        found.ways(small_task())
        found.prepare("")
        return found

    return host


def test_a_turn_lasts_until_it_has_timed_enough_and_counts_its_median_once(hosted):
    host = hosted((0.5, 0.25), (0.125, 0.125), (0.25, 0.25), (0.5, 0.0))
    assert host.turn(0, 0.75) == Turn(0.25, 0.625 / 0.875)
    assert host.turn(0, 0.25) == Turn(0.5, 0.0)


def test_what_a_first_run_takes_longer_than_a_second_one_is_compiling(hosted):
    first_run = hosted((2.0, 2.0), (0.5, 0.25), compile_s=4.0).first_run(0)
    assert first_run.compile_s == 5.5
    assert first_run.turn == Turn(0.5, 0.5)
    quicker = hosted((0.5, 0.5), (2.0, 2.0), compile_s=4.0).first_run(0)
    assert quicker.compile_s == 4.0


def test_where_nothing_is_compiled_the_first_run_is_the_trial(hosted):
    first_run = hosted((2.0, 1.0)).first_run(0)
    assert (first_run.compile_s, first_run.turn) == (None, Turn(2.0, 0.5))
