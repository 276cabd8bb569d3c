"""A learning rate to start from: passes in which the rate grows until training breaks.

Source: Smith (2017), "Cyclical Learning Rates for Training Neural Networks", section 3.3, with
rates in equal ratios as is usual since. The loss over the rate is flat where the rate is too small
to matter, falls where it is right, and shoots up where it is too large.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import must_be, positive_number
from samplewise.contract.state import step_count
from samplewise.data.augmentation import Views
from samplewise.errors import DivergenceError, ParameterError
from samplewise.network import Network
from samplewise.text import counted
from samplewise.training import batches
from samplewise.training.callbacks import Hook, as_callbacks
from samplewise.training.environment import environment
from samplewise.training.epochs import NEVER, ended, session_of
from samplewise.training.history import DIVERGED, FINISHED, INTERRUPTED
from samplewise.training.notes import warn_of
from samplewise.training.prerequisites import announced_backend_choice, check_stop, loss_for
from samplewise.training.rows.preparation import prepared
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.session import Session
from samplewise.training.settings.training_settings import TrainingSettings, of_plain_steps
from samplewise.training.training_run import TrainingRun

LOWEST, HIGHEST = 1e-5, 10.0
# Each rate trains at least one step; more rates than this tell nothing more.
FEWEST_STEPS, MOST_RATES = 20, 500
# A pass over few rows says little: the suggestions of ten seeds for iris and wine were 7 to 35,000
# times apart; by the mean of ten passes, 2 to 13 times in nine of ten settings.
ENOUGH_SAMPLES, MOST_PASSES = 10_000, 10
# The smoothed loss forgets over a 25th of the sweep, and is the mean of too few to tell anything by
# in its first tenth; but single samples differ much, so both are so many rates at least.
MEMORY, UNSURE, FEWEST_SEEN = 25, 10, 5
# Training has broken where the smoothed loss is above its start by so many times the start itself,
# or what it had fallen by.
BROKEN = 3.0
# Where the smoothed loss is least, training is about to break: usual is a tenth of that rate.
SAFETY = 10.0


@dataclass(frozen=True)
class LearningRateRangeTest:
    """The result of a learning rate range test.

    Args:
        rates: in equal ratios, ascending.
        losses: mean loss of the samples that each rate trained on, before their updates, in all
            passes.
        smoothed: their running mean, in which later ones count more.
        suggestion: a tenth of the rate at which the smoothed loss is least; None where no
            rate was reached.
        stopped: "finished" at the highest rate, "diverged" before it, or "interrupted".
        backend: that trained.
        notes: warnings worth showing.
        passes: over the rows, each from the same weights and in an order of its own.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float | None
    stopped: str
    backend: str
    notes: list[str]
    passes: int = 1


def lr_range_test(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    class_names: Sequence[str] | None = None,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
) -> LearningRateRangeTest:
    """Train a pass from fresh weights while the rate grows, and suggest a learning rate.

    Of fewer than 10,000 rows, the losses are the mean of several passes, at most ten, each from the
    same weights. The rows come in drawn orders, also without `shuffle`: those of one class often
    lie together.

    Args:
        network: as `train`.
        X: as `train`.
        targets: as `train`.
        settings: as `train`; `learning_rate`, schedule, `epochs`, `shuffle`, `plan`, limits, early
            stopping and weight average play no part.
        lowest: rate of the first step, above 0.
        highest: rate of the last step.
        class_names: as `train`.
        callbacks: called when compiling and the sweep begin, and when it ends; not after epochs.
        stop: once set, the sweep ends at the next rate, or with the passes that are whole.

    Raises:
        ParameterError: the rates do not ascend, or the rows make fewer than 20 batches.
        DivergenceError: training broke before there was anything to see.
        SamplewiseError: as `train`.
    """
    lowest, highest = positive_number("lowest", lowest), positive_number("highest", highest)
    if not lowest < highest:
        raise ParameterError(must_be("lowest", f"below highest, {highest:g}", lowest))
    loss = loss_for(network, settings)
    check_stop(stop)
    settings = of_plain_steps(
        settings, shuffle=True, max_seconds=None, ema_decay=None, track_accuracy=False
    )
    rows = prepared(network, X, targets, loss, settings, class_names=class_names)
    steps = step_count(len(rows), settings.batch_size)
    if steps < FEWEST_STEPS:
        raise ParameterError(
            f"{counted(len(rows), 'row')} in batches of {settings.batch_size} make "
            f"{counted(steps, 'step')}, but the test needs at least {FEWEST_STEPS}; use a smaller "
            "batch_size"
        )
    choice = announced_backend_choice(network, loss, settings, rows)
    run = TrainingRun(network, loss, settings, rows, choice, as_callbacks(callbacks))
    run.callbacks.compile_begins(choice.backend.name)
    session = session_of([run], rows)
    with session.compiled([run.state]):
        rates = np.geomspace(lowest, highest, min(steps, MOST_RATES)).tolist()
        with ended([run]):
            run.begin(environment(session.backend))
            passes = _Passes(session, run, rows, rates, stop or NEVER)
            losses_of_passes, stopped = passes.run_all()
            run.history.stopped = stopped
    found = _result(rates, losses_of_passes, stopped, run)
    warn_of(found.notes)
    return found


class _Passes:
    """Passes over the rows in which the rate grows, each from the same weights.

    Args:
        session: compiled, of one network.
        run: of the network, with its first weights.
        rows: trained on.
        rates: ascending; each trains at least one step of a pass.
        stop: ends the running pass at its next rate.
    """

    def __init__(
        self,
        session: Session,
        run: TrainingRun,
        rows: TrainingRows,
        rates: Sequence[float],
        stop: threading.Event,
    ) -> None:
        self._session, self._run, self._rows = session, run, rows
        self._rates, self._stop = rates, stop
        settings = run.settings
        self._orders = batches.Orders(len(rows), settings.seed_of_order)
        self._views = Views(rows.X, rows.image_shape, settings.augment, settings.seed_of_order)
        steps, size = step_count(len(rows), settings.batch_size), settings.batch_size
        self._edges = [steps * k // len(rates) * size for k in range(len(rates))] + [len(rows)]

    def run_all(self) -> tuple[list[list[float]], str]:
        """Return the losses of each pass, until training breaks, and why most of them ended."""
        run, first_state, broken = self._run, self._run.state.copy(), 0
        losses_of_passes: list[list[float]] = []
        passes = min(MOST_PASSES, -(-ENOUGH_SAMPLES // len(self._rows)))
        for epoch in range(1, passes + 1):
            run.state.go_back(first_state)
            losses, stopped = self._run_one(epoch)
            if stopped == INTERRUPTED:
                return losses_of_passes or [losses], INTERRUPTED
            losses_of_passes.append(losses)
            broken += stopped == DIVERGED
        return losses_of_passes, DIVERGED if 2 * broken > len(losses_of_passes) else FINISHED

    def _run_one(self, epoch: int) -> tuple[list[float], str]:
        """Return the mean loss at each rate until training breaks, and why the pass ended."""
        steps, order = self._run.own_steps, self._orders.of_epoch(epoch)
        X = self._views.of_epoch(epoch)
        steps.begin_epoch(epoch, order)
        losses_of_rows = np.full((1, len(self._rows)), np.nan, dtype=X.dtype)
        losses: list[float] = []
        for rate, start, end in zip(self._rates, self._edges, self._edges[1:], strict=False):
            if self._stop.is_set():
                return losses, INTERRUPTED
            window = dataclasses.replace(steps.of_window(order, start, end), learning_rate=rate)
            self._session.run(X, self._rows.Y, [window], losses_of_rows, [0])
            mean = float(np.mean(losses_of_rows[0, start:end], dtype=np.float64))
            if not math.isfinite(mean) or not np.isfinite(self._session.parameters(0)).all():
                return losses, DIVERGED
            losses.append(mean)
            if _has_broken(_smoothed(losses, len(self._rates)), _first_sure(len(self._rates))):
                return losses, DIVERGED
        return losses, FINISHED


def _mean_of_passes(losses_of_passes: list[list[float]]) -> list[float]:
    """Return the mean loss at each rate that at least half of the passes have reached."""
    reached = sorted(map(len, losses_of_passes))[len(losses_of_passes) // 2]
    # One that broke before, by bad luck, counts with its largest loss from there on. But not where
    # it broke at a rate far below: its single samples differed, and it would hide the minimum.
    far = reached / 2
    whole = [
        (losses + [max(losses)] * reached)[:reached]
        for losses in losses_of_passes
        if losses and len(losses) >= far
    ]
    return np.mean(whole, axis=0).tolist() if whole else []


def _smoothed(losses: Sequence[float], rates: int) -> NDArray[np.float64]:
    """Return the exponential running mean, freed of its start at 0 as in Adam."""
    keep = math.exp(-1 / max(rates / MEMORY, FEWEST_SEEN))
    weights = keep ** np.arange(len(losses))
    sums = np.convolve(losses, weights)[: len(losses)]
    return np.asarray(sums / np.cumsum(weights), np.float64)


def _has_broken(smoothed: NDArray[np.float64], first: int) -> bool:
    """Return True if the last smoothed loss is far above its start, the first `first` rates."""
    if len(smoothed) <= first:
        return False
    start, least, now = smoothed[: first + 1].max(), smoothed.min(), smoothed[-1]
    return bool(now - start > BROKEN * max(start - least, abs(start)))


def _first_sure(rates: int) -> int:
    """Return the index of the first rate whose smoothed loss is the mean of enough."""
    return max(rates // UNSURE, FEWEST_SEEN)


def _result(
    rates: list[float], losses_of_passes: list[list[float]], stopped: str, run: TrainingRun
) -> LearningRateRangeTest:
    """Return the result of passes that ended for the reason `stopped`.

    Raises:
        DivergenceError: training broke before there was anything to see.
    """
    losses = _mean_of_passes(losses_of_passes)
    rates = rates[: len(losses)]
    if stopped == DIVERGED and len(losses) < FEWEST_STEPS // 2:
        raise DivergenceError(
            f"training broke at a rate of {rates[-1] if rates else 0:.3g}, after {len(losses)} "
            "rates; begin with a lower one, scale the inputs, or try another init",
            run.state.parameters,
        )
    if not losses:
        return LearningRateRangeTest([], [], [], None, stopped, run.backend.name, [])
    smoothed = _smoothed(losses, len(losses))
    first = min(_first_sure(len(rates)), len(rates) - 1)
    best = first + int(smoothed[first:].argmin())
    notes = list(run.history.notes)
    if stopped == FINISHED and best == len(rates) - 1:
        notes.append(f"the loss still falls at a rate of {rates[-1]:.3g}; sweep to a higher one")
    if best == first:
        notes.append("the loss never fell below where it began; the suggestion means nothing")
    return LearningRateRangeTest(
        rates=rates,
        losses=losses,
        smoothed=smoothed.tolist(),
        suggestion=rates[best] / SAFETY,
        stopped=stopped,
        backend=run.backend.name,
        notes=notes,
        passes=len(losses_of_passes),
    )
