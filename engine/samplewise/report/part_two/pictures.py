"""The figures of Part 2."""

from __future__ import annotations

from samplewise.plots.training_curves import Curves, training_curves
from samplewise.report.document import Picture
from samplewise.report.part_two.measured import Measured, MeasuredRow
from samplewise.report.pictures import confusion_picture, predictions_picture
from samplewise.report.wording import percent, runs


def curves_file(identifier: str) -> str:
    """Return the name of the picture of a row's curves."""
    return f"curves-{identifier}.png"


def confusion_file(identifier: str) -> str:
    """Return the name of the picture of a row's confusions."""
    return f"confusion-{identifier}.png"


def predictions_file(identifier: str) -> str:
    """Return the name of the picture of a row's predictions."""
    return f"predictions-{identifier}.png"


def curves(measured: Measured, row: MeasuredRow) -> Picture:
    """Return losses and accuracies of a row's runs, epoch by epoch."""
    name, label = row.row.id, measured.dataset.title
    ends = [run.validation_accuracies[-1] for run in row.runs]
    mean = percent(sum(ends) / len(ends))
    many = len(row.runs) > 1
    drawn = f"mean of {runs(len(row.runs))}, each run a thin line" if many else "one run"
    return Picture(
        file=curves_file(name),
        png=training_curves(
            Curves([r.losses for r in row.runs], [r.validation_losses for r in row.runs]),
            Curves([r.accuracies for r in row.runs], [r.validation_accuracies for r in row.runs]),
            f"{name} · {label}",
        ),
        alt=f"Loss and accuracy of {name} over {len(row.runs[0].losses)} epochs; the accuracy on "
        f"the validation rows ends at {mean}.",
        caption=f"Row {name} on {label}: loss and accuracy of training and validation, {drawn}. "
        f"On the validation rows the accuracy ends at {mean}.",
        width=52,
    )


def outcome(row: MeasuredRow) -> tuple[Picture, ...]:
    """Return confusions of a row's first run and, where rows are images, its predictions."""
    name = row.row.id
    shown = (
        confusion_picture(row.first, f"{name}, run 1", confusion_file(name)),
        predictions_picture(row.first, f"{name}, run 1", predictions_file(name)),
    )
    return tuple(picture for picture in shown if picture is not None)
