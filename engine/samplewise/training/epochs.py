"""Training of one network or of many: a session, its loop, and callbacks at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from samplewise.training import resume
from samplewise.training.loop import Loop
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.session import Session
from samplewise.training.snapshot import Snapshot
from samplewise.training.training_run import TrainingRun

NEVER = threading.Event()
"""Stops no training: nobody sets it."""


def run_training(
    runs: Sequence[TrainingRun],
    rows: TrainingRows,
    stop: threading.Event | None,
    snapshot: Snapshot | None = None,
) -> Snapshot | None:
    """Compile, and train until all epochs are done.

    Args:
        runs: equal in batch size, order, threads and backend; they are trained.
        rows: shared by all.
        stop: as `train`.
        snapshot: to go on from; None begins with the states of the runs.

    Returns:
        A snapshot of an interrupted training, else None.

    Raises:
        ContractError: the backend raised, or broke the contract.
        SnapshotError: the snapshot is damaged, or of another training.
    """
    if snapshot is not None:
        snapshot.check(resume.identity_of(runs, rows))
    session = session_of(runs, rows, snapshot)
    loop = Loop(runs, rows, session)
    for run in runs:
        run.callbacks.compile_begins(run.backend.name)
    with session.compiled([run.state for run in runs]):
        for index, run in enumerate(runs):
            run.join(session, index)
        if snapshot is not None:
            loop.restore(snapshot)
        with ended(runs):
            loop.run(stop or NEVER)
    return loop.unfinished


def session_of(
    runs: Sequence[TrainingRun], rows: TrainingRows, snapshot: Snapshot | None = None
) -> Session:
    """Return the session in which networks train on rows, not yet compiled.

    Args:
        runs: of the networks.
        rows: trained on.
        snapshot: to go on from by its plan, whatever its backend would choose here and now.
    """
    weighted = rows.weights is not None
    fields = frozenset[str]().union(*(run.settings.step_fields(weighted=weighted) for run in runs))
    # All else of their workloads is shared.
    longest = max((run.settings for run in runs), key=lambda settings: settings.epochs)
    workload = longest.workload(len(rows), fields, rows.largest_input)
    return Session(
        runs[0].backend,
        [run.network for run in runs],
        runs[0].loss,
        [run.settings.optimizer for run in runs],
        rows.X.dtype,
        workload,
        logits=any(run.evaluation.predicts for run in runs),
        recorded=None if snapshot is None else resume.plan_of(snapshot, runs[0].backend.name),
        reuse=True,
    )


@contextmanager
def ended(runs: Sequence[TrainingRun]) -> Iterator[None]:
    """Call `on_train_end` of all callbacks when the block ends, and raise their errors."""
    try:
        yield
    except BaseException as error:
        _finish(runs, error)
        raise
    _finish(runs, None)


def _finish(runs: Sequence[TrainingRun], raised: BaseException | None) -> None:
    failed = raised is not None
    later = [one for run in runs for one in run.finish(failed=failed)]
    first = raised or (later[0] if later else None)
    for error in later:
        if first is not None and error is not first:
            first.add_note(f"on_train_end of a callback raised {error!r} after that")
    if raised is None and first is not None:
        raise first
