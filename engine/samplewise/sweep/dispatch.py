"""Handing the groups of a sweep to its executor, and taking them back in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from samplewise.sweep.executors import Executor
from samplewise.sweep.groups import Planned
from samplewise.sweep.sources import Source
from samplewise.sweep.training import Trained, failed


def dispatched(
    source: Source, executor: Executor, stop: threading.Event | None = None
) -> Iterator[tuple[list[Planned], Trained]]:
    """Give each group once it is trained, until the source has no more and none is out.

    A group whose worker died is submitted again, and failed after `Executor.repeats` times.

    Args:
        source: asked for more groups after each one that was given, with no group out at the last.
        executor: of the groups.
        stop: setting it ends the iterator after the groups that are out.

    Raises:
        WorkerError, Exception: as `Executor.death`.
    """
    out = {}

    def submit(group: list[Planned], repeat: int) -> None:
        out[executor.submit([one.trial for one in group])] = group, repeat

    def stopped() -> bool:
        return stop is not None and stop.is_set()

    while True:
        while not stopped() and len(out) < executor.slots and (group := source.take()):
            if (error := group[0].error) is not None:
                yield group, _failed(group, error)
            else:
                submit(group, 0)
        if not out:
            return
        future = executor.next_ended()
        group, repeat = out.pop(future)
        death = executor.death(future)
        if death is None:
            yield group, future.result()
        elif repeat == executor.repeats:
            yield group, _lost(group, death, repeat)
        elif not stopped():
            submit(group, repeat + 1)


def _lost(group: Sequence[Planned], death: str, repeats: int) -> Trained:
    again = f", and {repeats} more after it" if repeats else ""
    return _failed(group, f"its worker died{again}: {death}")


def _failed(group: Sequence[Planned], reason: str) -> Trained:
    return Trained([failed(reason) for _ in group], [None for _ in group], 0.0, 0.0)
