"""Rounds of work shared out over threads, of which none waits for the end of a round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition

from samplewise_backends.numba_cpu.plans.threads import beside


class Rounds:
    """Calls a function with each of some numbers, round by round.

    The rounds of a number come one after the other, and it may be ahead of another by one round: so
    the longest of them delays no thread at the end of each round, and a stop waits for little.

    Args:
        call: called with a number and its round, from 0.
        numbers: the one whose calls take longest first.
        rounds: of each number.
        stop: returns True where no new round may begin; those begun are run with every number.
    """

    def __init__(
        self,
        call: Callable[[int, int], None],
        numbers: Sequence[int],
        rounds: int,
        stop: Callable[[], bool],
    ) -> None:
        self._call, self._rounds, self._stop = call, rounds, stop
        self._free = list(numbers)
        self._ended = dict.fromkeys(numbers, 0)
        self._begun = 0
        self._changed = Condition()

    def run(self, threads: int) -> int:
        """Run the rounds in so many threads; return how many were run of every number.

        Raises:
            BaseException: the first error of a call; no further one has begun.
        """
        if threads == 1:
            self._work()
        else:
            beside(min(threads, len(self._ended)), lambda _: self._work(), self._abandon)
        return self._rounds

    def _abandon(self) -> None:
        # Who waits does so for a call in another thread, and looks again at its end.
        self._rounds = 0

    def _work(self) -> None:
        try:
            while (number := self._taken()) is not None:
                self._call(number, self._ended[number])
                self._end(number)
        except BaseException:
            with self._changed:
                self._abandon()
                self._changed.notify_all()
            raise

    def _taken(self) -> int | None:
        """Return a number whose next round may begin; None where other threads run the rest."""
        with self._changed:
            if self._stop():
                self._rounds = min(self._rounds, max(self._begun, 1))
            while (number := self._furthest_behind()) is not None:
                if self._ended[number] <= min(self._ended.values()) + 1:
                    self._free.remove(number)
                    self._begun = max(self._begun, self._ended[number] + 1)
                    break
                self._changed.wait()
            return number

    def _furthest_behind(self) -> int | None:
        """Return the free number that has ended fewest rounds; None where none has one left."""
        left = [number for number in self._free if self._ended[number] < self._rounds]
        return min(left, key=self._ended.__getitem__, default=None)

    def _end(self, number: int) -> None:
        with self._changed:
            self._ended[number] += 1
            self._free.append(number)
            self._changed.notify_all()
