"""Handing the groups of a sweep to its executor, and taking them back in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from samplewise.sweep.executors import REPEATS, Executor
from samplewise.sweep.groups import Planned
from samplewise.sweep.sources import Source
from samplewise.sweep.training import Trained, failed


def dispatched(
    source: Source, executor: Executor, stop: threading.Event | None = None
) -> Iterator[tuple[list[Planned], Trained]]:
    """Give each group once it is trained, until the source has no more and none is out.

    A group whose worker died is trained again, and failed after `REPEATS` times.

    Args:
        source: asked for more groups after each one that was given, with no group out at the last.
        executor: of the groups.
        stop: setting it ends the iterator after the groups that are out.

    Raises:
        WorkerError, Exception: as `Executor.death`.
    """
    out = {}

    def submit(group: list[Planned], died: int) -> None:
        out[executor.submit([one.trial for one in group], died)] = group, died

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
        group, died = out.pop(future)
        death = executor.death(future)
        if death is None:
            yield group, future.result()
            continue
        died += death.workers
        if died > REPEATS:
            reason = f"its worker died, and {died - 1} more after it: {death.reason}"
            yield group, _failed(group, reason)
        elif not stopped():
            submit(group, died)


def _failed(group: Sequence[Planned], reason: str) -> Trained:
    return Trained([failed(reason) for _ in group], [None for _ in group], 0.0, 0.0)
