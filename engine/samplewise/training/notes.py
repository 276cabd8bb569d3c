"""Notes of a run that a user should see: odd data, and a network that did not learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import listed, printable
from samplewise.data.statistics import vary
from samplewise.errors import SamplewiseWarning, TrainingWarning
from samplewise.network import ClassLoss, Loss, Network
from samplewise.text import counted
from samplewise.warn import warn

if TYPE_CHECKING:
    from samplewise.training.settings.training_settings import TrainingSettings

Notes: TypeAlias = tuple[str, ...]

# Pixels run to 255. Beyond some tens, unscaled inputs saturate every sigmoid at the first step.
UNSCALED = 50.0
# Targets this large take steps of the usual size far too long to reach, or make them explode.
UNSCALED_TARGETS = 100.0
# With as many rows a class on average, a single one is too few.
ROWS_OF_A_CLASS = 10
# With fewer rows, an order may be chance; of more values, the first are enough to tell.
FEWEST_ROWS, MOST_COMPARED = 20, 2**16
# Of the changes of class, or of number, that rows in random order are expected to have.
FEW_CHANGES = 0.1
# Fewer epochs than this tell nothing; a loss that falls less than this share has stopped.
FEWEST_EPOCHS, STOPPED_SHARE = 5, 0.01
# Steps at a rate above this may end so far off that the loss falls for long, and means nothing.
HIGH_RATE, FAR_OFF = 1.0, 10.0


def warn_of(notes: Iterable[str], kind: type[SamplewiseWarning] = TrainingWarning) -> None:
    """Warn of each note once, at the line of the caller's code that led to it."""
    for note in dict.fromkeys(notes):
        warn(note, kind)


def notes_on_scale(largest: float) -> Notes:
    """Return a warning where the largest absolute input is such that training hardly moves."""
    if largest <= UNSCALED:
        return ()
    return (f"inputs reach {largest:.4g}; scale or standardize them, or training may not move",)


def notes_on_channels(network: Network) -> Notes:
    """Return a warning where a network of images seems to be given their channels last."""
    if not network.channels_hint:
        return ()
    channels, height, width = network.input_shape
    note = f"input_shape: {channels} channels of {height} x {width} pixels{network.channels_hint}"
    return (note,)


def notes_on_targets(Y: NDArray[Any], loss: Loss) -> Notes:
    """Return a warning where the numbers to predict are far from the size of untrained outputs."""
    if not loss.identity_link:
        return ()
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = (
            float(np.abs(of(Y, axis=0, dtype=np.float64)).max()) for of in (np.mean, np.std)
        )
    if max(mean, deviation) <= UNSCALED_TARGETS:
        return ()
    note = (
        f"targets have a mean of {mean:.4g} (absolute) and a deviation of {deviation:.4g}; "
        "subtract the mean and divide by the deviation, as --standardize-targets does, or training "
        "may not move or may diverge"
    )
    return (note,)


def notes_on_classes(
    labels: NDArray[Any], Y: NDArray[Any], class_names: Sequence[str], loss: ClassLoss
) -> Notes:
    """Return warnings where several rows have none of a class, or many have a single one of it.

    Args:
        labels: class indices of the rows, (n,).
        Y: targets of the rows, (n, outputs); nothing is said of probabilities.
        class_names: of the indices.
        loss: that the targets are for.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    if counts.min() > 1 or len(labels) == 1 or not _are_of_labels(Y, labels, loss):
        return ()
    present = np.flatnonzero(counts)
    if len(present) == 1:
        note = (
            f"all {len(labels):,} rows are of class '{printable(class_names[present[0]])}', so the "
            "network learns that answer for any row; train on rows of each class"
        )
        return (note,)
    notes = []
    if len(present) < len(counts):
        notes.append(
            f"no row is of {_classes(counts == 0, class_names)}, so the network learns never to "
            "give that answer; train on rows of each class"
        )
    if (counts == 1).any() and len(labels) >= ROWS_OF_A_CLASS * len(counts):
        notes.append(
            f"one row of {len(labels):,} is of {_classes(counts == 1, class_names)}; train on more "
            "rows of it, or leave it out"
        )
    return tuple(notes)


def notes_on_order(labels: NDArray[Any], settings: TrainingSettings) -> Notes:
    """Return a warning where rows come class by class, and every epoch takes them in that order.

    The loss and accuracy of a step are of rows whose class the steps before have just learnt.

    Args:
        labels: class indices of the rows in their order, (n,).
        settings: of the training.
    """
    rows = len(labels)
    if settings.shuffle or settings.batch_size >= rows:
        return ()
    changes = int(np.count_nonzero(labels[1:] != labels[:-1]))
    if changes > FEW_CHANGES * rows:
        return ()
    of_each = np.bincount(labels) / rows
    if not 0 < changes <= FEW_CHANGES * rows * (1 - float(of_each @ of_each)):
        return ()
    note = (
        f"the rows come class by class, with {counted(changes, 'change')} of class in {rows:,} "
        "rows, and are not shuffled: the network forgets one class while it learns the next, and "
        "its training loss and accuracy look better than it is; set shuffle=True"
    )
    return (note,)


def notes_on_order_of_numbers(Y: NDArray[Any], settings: TrainingSettings) -> Notes:
    """Return a warning where numbers hardly change from row to row, in every epoch alike.

    As of rows that come class by class. A single epoch is silent: the loss of each row before its
    update is then what a stream is judged by.

    Args:
        Y: targets of the rows in their order, (n, outputs).
        settings: of the training.
    """
    rows = len(Y)
    if settings.shuffle or settings.epochs == 1 or rows <= max(settings.batch_size, FEWEST_ROWS):
        return ()
    first = Y[: max(FEWEST_ROWS, MOST_COMPARED // Y.shape[1])].astype(np.float64)
    with np.errstate(all="ignore"):
        # Of rows in random order it is 1.
        alike = float(np.square(np.diff(first, axis=0)).mean() / (2 * first.var(axis=0).mean()))
    if not alike <= FEW_CHANGES:
        return ()
    note = (
        f"targets change little from row to row (their mean squared change is {alike:.2g} of that "
        "in random order), and the rows are not shuffled: each is measured just after rows like "
        "it were learnt, so the training loss looks better than it is; set shuffle=True"
    )
    return (note,)


def notes_on_validation(
    labels: NDArray[Any],
    held: NDArray[Any],
    Y: NDArray[Any],
    class_names: Sequence[str],
    loss: ClassLoss,
) -> Notes:
    """Return a warning where validation rows have none of a class that is trained on.

    Args:
        labels: class indices of the rows trained on, (n,).
        held: those of the validation rows, (rows,); nothing is said of a single one.
        Y: targets of the validation rows, as `notes_on_classes`.
        class_names: of the indices.
        loss: that the targets are for.
    """
    trained, validated = (np.bincount(each, minlength=len(class_names)) for each in (labels, held))
    missing = (trained > 0) & (validated == 0)
    if not missing.any() or len(held) == 1 or not _are_of_labels(Y, held, loss):
        return ()
    note = (
        f"no validation row is of {_classes(missing, class_names)}, so validation figures say "
        "nothing of it; validate on rows of each class"
    )
    return (note,)


def _are_of_labels(Y: NDArray[Any], labels: NDArray[Any], loss: ClassLoss) -> bool:
    """Return False of targets that are probabilities."""
    return np.array_equal(Y, loss.targets(labels, Y.shape[1], Y.dtype))


def _classes(which: NDArray[np.bool_], class_names: Sequence[str]) -> str:
    names = [f"'{name}'" for name, noted in zip(class_names, which, strict=True) if noted]
    return f"class {listed(names)}" if len(names) == 1 else f"classes {listed(names)}"


def notes_on_learning(
    losses: Sequence[float],
    loss: Loss,
    Y: NDArray[Any],
    weights: NDArray[Any] | None,
    learning_rate: float,
) -> Notes:
    """Return a warning where training ended no better than one answer for all rows would be.

    The loss has stopped falling in the second half of the epochs, and is at least that of one
    answer: a loss that still falls, or fell in the first epoch already, needs no warning. At a high
    learning rate, one that is ten times that of one answer does.

    Args:
        losses: of each whole epoch.
        loss: trained with.
        Y: targets trained on, (n, outputs).
        weights: of the rows; None where all are 1.
        learning_rate: of the settings, above 0.
    """
    if len(losses) < FEWEST_EPOCHS:
        return ()
    last, before = losses[-1], losses[(len(losses) - 1) // 2]
    wide = Y.astype(np.float64)
    falls, is_high = last < before - STOPPED_SHARE * abs(before), learning_rate > HIGH_RATE
    if (falls and not is_high) or not vary(wide):
        return ()
    baseline = _loss_of_one_answer(loss, wide, weights)
    if baseline is None or last < baseline - STOPPED_SHARE * abs(baseline):
        return ()
    if falls and last < FAR_OFF * abs(baseline):
        return ()
    rate = f"a learning_rate below {learning_rate:g}" if is_high else "another learning_rate"
    note = (
        f"the network did not learn: its loss ended at {last:.4g}, and the same answer for every "
        f"row has {baseline:.4g}; try {rate}, another init or number of epochs, and scaled inputs"
    )
    return (note,)


def _loss_of_one_answer(
    loss: Loss, Y: NDArray[np.float64], weights: NDArray[Any] | None
) -> float | None:
    """Return the mean loss where every row gets the mean of the targets, or their median."""
    found = []
    for answer in (np.average(Y, axis=0, weights=weights), np.median(Y, axis=0)):
        logits = loss.logits_of(answer)
        if logits is None:
            return None
        losses = loss.values(np.broadcast_to(logits, Y.shape), Y)
        found.append(float(np.average(losses, weights=weights)))
    return min(found)
