"""Running a sweep: groups of trials, each written to the journal once it is trained."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from samplewise import registry
from samplewise.checks import file_path, instance_of, printable
from samplewise.data.dataset import Dataset
from samplewise.errors import OutputError, UnavailableBackendError, UnknownBackendError
from samplewise.io.lock import locked
from samplewise.io.reading import is_there
from samplewise.io.writing import make_folder
from samplewise.sweep.candidates import DONE, FAILED
from samplewise.sweep.definition import Sweep
from samplewise.sweep.dispatch import check_jobs, dispatched, executor_for, trains_here
from samplewise.sweep.groups import PlannedTrial, PlannedTrials
from samplewise.sweep.journal import FILE, Entry, Journal
from samplewise.sweep.points import Grid
from samplewise.sweep.results import SweepResult, check_installed
from samplewise.sweep.rows import DATA_WORDS, SweepRows
from samplewise.sweep.snapshots import Snapshots
from samplewise.sweep.sources import Source, source_of
from samplewise.sweep.training import TrainedGroup, entries_of
from samplewise.sweep.trials import Trial, named
from samplewise.training.environment import environment
from samplewise.training.prerequisites import check_stop

_WORDS = ("backend", "device")


@dataclass(frozen=True)
class Progress:
    """The state of a sweep after a group of trials.

    Args:
        finished: trials with a result, if only of a rung, and those of earlier starts too.
        failed: of them.
        trials: of the sweep.
        group: trials that were just trained.
        seconds_left: estimated.
    """

    finished: int
    failed: int
    trials: int
    group: int
    seconds_left: float


def run_sweep(
    sweep: Sweep,
    folder: str | Path,
    *,
    data: Dataset | None = None,
    retry_failed: bool = False,
    on_group: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    n_jobs: int | None = None,
) -> SweepResult:
    """Train the trials of a sweep that its folder does not hold yet.

    Trials that may train at once do, in groups of seconds; each network is that of its single run,
    to rounding. A group's trials are then appended to the folder's journal, so that whatever ends
    the process, the same call goes on. A trial that cannot be trained is noted with the reason.

    Args:
        sweep: to run.
        folder: of the journal; made where it is missing.
        data: used instead of loading that of the settings.
        retry_failed: train trials again that have failed.
        on_group: called after each group.
        stop: setting it ends the sweep after the running groups.
        n_jobs: groups that train at once, each on a process of its own with one thread; -1 for a
            process for each processor. None trains one group at a time, whose networks are split
            over as many threads as pay, unless `joblib.parallel_config` says otherwise; its backend
            "dask" trains groups on a cluster.

    Raises:
        OutputError: the folder cannot be written, is in use, or holds another sweep.
        ParameterError: a candidate does not fit the data; nothing was trained.
        UnknownBackendError, UnavailableBackendError: a backend or device of the settings or the
            space is not on this machine, where groups train on it; nothing was trained.
        WorkerError: a cluster cannot be reached or cannot run the sweep; what is finished is kept.
        SamplewiseError: as `load`.
    """
    check_jobs(n_jobs)
    instance_of("sweep", sweep, Sweep)
    check_stop(stop)
    folder = file_path("folder", folder)
    if data is not None:
        instance_of("data", data, Dataset)
    if sweep.sampler is not None:
        how = "it by pip install 'samplewise[optuna]'"
        check_installed("optuna", "sampler: optuna is", how, "leave out the sampler")
    # A sweep that goes on may need none of them; a trial that does then fails with the reason.
    if trains_here() and not is_there(folder / FILE):
        _check_backends(sweep)
    differing = sweep.trials.differing(DATA_WORDS) or [Trial("", 0, {}, 0, sweep.base)]
    rows = SweepRows(differing, data)
    plan = PlannedTrials(sweep.trials, rows)
    plan.check()
    _make(folder)
    with locked(folder, "another process runs the sweep"):
        journal = Journal(folder / FILE, sweep.definition, rows.fingerprint, environment())
        snapshots = Snapshots(folder)
        counts = _Counts()
        entries = counts.noting(journal)
        source = source_of(sweep, plan, rows, entries, snapshots, retry_failed=retry_failed)
        recorder = _Recorder(source, journal, snapshots, counts, sweep.size)
        if not source.is_finished:
            with executor_for(rows, n_jobs) as executor:
                groups = dispatched(source, executor, stop)
                recorder.record_all(groups, executor.slots, on_group)
    return SweepResult(sweep, journal, journal.header)


def _check_backends(sweep: Sweep) -> None:
    """Refuse backends and devices that are not on this machine."""
    training, factors = sweep.base.training, sweep.space.factors
    fixed = {word: getattr(training, word) for word in _WORDS}
    listed = {w: factor for w in _WORDS if isinstance(factor := factors.get(w), tuple)}
    for values in Grid(listed):
        chosen = fixed | values
        try:
            registry.check_here(chosen["backend"], chosen["device"])
        except (UnknownBackendError, UnavailableBackendError) as error:
            where = f"space ({named(values)}): " if values else ""
            raise type(error)(f"{where}{error}") from error


def _make(folder: Path) -> None:
    """Make the folder of a sweep; refuse one that holds other files."""
    strangers = make_folder(folder)
    if strangers and FILE not in strangers:
        raise OutputError(
            f"{printable(folder)} holds '{printable(strangers[0])}' and no sweep; name another "
            "folder with --out"
        )


class _Recorder:
    """Writes down each group of trials once it is trained.

    Args:
        source: of the groups; learns what each took.
        journal: of the sweep.
        snapshots: of the trials that can go on.
        counts: of the journal's lines.
        trials: of the sweep.
    """

    def __init__(
        self,
        source: Source,
        journal: Journal,
        snapshots: Snapshots,
        counts: _Counts,
        trials: int,
    ) -> None:
        self._source = source
        self._journal = journal
        self._snapshots = snapshots
        self._counts = counts
        self._trials = trials

    def record_all(
        self,
        groups: Iterable[tuple[Sequence[PlannedTrial], TrainedGroup]],
        slots: int,
        on_group: Callable[[Progress], None] | None,
    ) -> None:
        """Keep each group as it ends, of `slots` that train at once, and tell of it."""
        for group, trained in groups:
            self._record(group, trained)
            if on_group is not None:
                left = (self._source.seconds_left or 0.0) / slots
                counts = self._counts
                on_group(Progress(counts.finished, counts.failed, self._trials, len(group), left))

    def _record(self, group: Sequence[PlannedTrial], trained: TrainedGroup) -> None:
        """Keep the snapshots and results of a group, and tell the source."""
        # Before their lines, which say that the trials can go on.
        pairs = zip(group, trained.snapshots, strict=True)
        self._snapshots.save({one.trial.key: found for one, found in pairs if found is not None})
        entries = entries_of(group, trained.results)
        self._journal.append(*entries)
        self._counts.note(entries)
        # The first group also loads kernels and libraries, so only its training counts.
        is_first = self._source.seconds_left is None
        seconds = trained.training_s or trained.seconds if is_first else trained.seconds
        self._source.took(group, entries, seconds)


class _Counts:
    """Counts the trials that a journal has; only those that may come again are remembered."""

    def __init__(self) -> None:
        self.finished = self.failed = 0
        self._again: dict[str, str] = {}

    def note(self, entries: Iterable[Entry]) -> None:
        """Note lines of the journal."""
        for _ in self.noting(entries):
            pass

    def noting(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Give lines of the journal, each once it is noted."""
        for entry in entries:
            key, status = entry["key"], entry["status"]
            before = self._again.pop(key, None)
            self.finished += before is None
            self.failed += (status == FAILED) - (before == FAILED)
            if status != DONE:
                self._again[key] = status
            yield entry
