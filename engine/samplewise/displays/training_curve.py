"""The loss or another figure of each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from samplewise.checks import must_be, printable, text
from samplewise.displays.axes import axes_for, last_step
from samplewise.errors import ParameterError
from samplewise.training.history import EpochRecord
from samplewise.training.settings.stopping import VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D

_NAME = "TrainingCurveDisplay"
# A longer legend would hide the curves, so that it stands beside them.
_MOST_INSIDE = 9
_BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1), "fontsize": "small"}
_MARKED_EPOCHS = 15
"""Up to so many epochs, each is marked: of a single one, a line would show nothing."""


class TrainingCurveDisplay:
    """A figure of each epoch, on the rows trained on and on the validation rows.

    `from_estimator` and `from_history` make and draw one.

    Args:
        epochs: numbers of the epochs, ascending.
        curves: the values of one or two curves, by their label: one value an epoch, NaN for none.
        figure: name of the figure, such as "loss".
        best_epoch: whose weights were kept; None marks no epoch.

    Attributes:
        ax_: the axes drawn on.
        figure_: the figure of the axes.
        lines_: one of matplotlib's lines for each curve.
    """

    ax_: Axes
    figure_: Figure | SubFigure
    lines_: list[Line2D]

    def __init__(
        self,
        epochs: Sequence[int],
        curves: Mapping[str, Sequence[float]],
        *,
        figure: str = "loss",
        best_epoch: int | None = None,
    ) -> None:
        self.epochs, self.curves, self.figure = epochs, curves, figure
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        figure: str = "loss",
        name: str | None = None,
        ax: Axes | None = None,
    ) -> TrainingCurveDisplay:
        """Draw the training of a fitted estimator, or of the last step of a pipeline.

        Args:
            estimator: with `history_`, or with `loss_curve_` as scikit-learn's own perceptrons.
            figure: as `from_history`; "validation_score" of an estimator that has such scores.
            name: of the estimator in the legend; None names the curves only.
            ax: to draw on; None makes a new figure.

        Raises:
            ParameterError: the estimator is not fitted, or its history lacks this figure.
        """
        last = last_step(estimator)
        rows = getattr(last, "history_", None)
        rows = _rows_of_curves(last) if rows is None else rows
        best = getattr(last, "best_epoch_", None)
        return cls._of_rows(_records(rows), figure, best).plot(ax, name=name)

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        figure: str = "loss",
        name: str | None = None,
        ax: Axes | None = None,
    ) -> TrainingCurveDisplay:
        """Draw a training.

        Args:
            history: a History, a result with one, the JSON values of `history.json`, or a sequence
                of dicts with the figures of an epoch each.
            figure: "loss" or "accuracy", drawn with that of the validation rows where there are
                some; or any other figure of the history by its name, such as that of a metric.
            name: of the training in the legend; None names the curves only.
            ax: to draw on; None makes a new figure.

        Raises:
            ParameterError: it is not a history, or lacks this figure.
        """
        history = getattr(history, "history", history)
        if isinstance(history, Mapping) and "epochs" in history:
            epochs, best = history["epochs"], history.get("best_epoch")
        else:
            epochs = getattr(history, "epochs", history)
            best = getattr(history, "best_epoch", None)
        records = _records(epochs)
        return cls._of_rows(records, figure, best).plot(ax, name=name)

    @classmethod
    def _of_rows(
        cls, records: Sequence[Any], figure: str, best: int | None
    ) -> TrainingCurveDisplay:
        text("figure", figure, "loss")
        bare = figure.removeprefix(VALIDATION)
        names = {"training": bare, "validation": VALIDATION + bare}
        # Metrics are of validation rows only.
        if figure != bare or any(bare in getattr(record, "metrics", ()) for record in records):
            del names["training"]
        found = {
            label: [_value(record, each) for record in records] for label, each in names.items()
        }
        curves = {key: values for key, values in found.items() if not all(map(math.isnan, values))}
        if not curves:
            raise ParameterError(
                f"{_NAME}: the history has no figure '{printable(figure)}'; use one of "
                f"{', '.join(_names(records)) or 'another training, this one ran no epoch'}"
            )
        epochs = [int(_value(record, "epoch")) for record in records]
        return cls(epochs, curves, figure=figure, best_epoch=best)

    def plot(self, ax: Axes | None = None, *, name: str | None = None) -> TrainingCurveDisplay:
        """Draw the curves, in one colour for one training, so that several can share an axes.

        Args:
            ax: to draw on; None makes a new figure.
            name: of the training in the legend.

        Raises:
            ParameterError: `ax` is not an axes of matplotlib.
        """
        from matplotlib.ticker import MaxNLocator

        from samplewise.plots.limits import drawn

        self.ax_ = axes_for(ax, _NAME)
        self.figure_ = self.ax_.figure
        marker = "o" if len(self.epochs) <= _MARKED_EPOCHS else None
        self.lines_ = []
        prefix = "" if name is None else f"{name}, "
        for label, values in self.curves.items():
            color = self.lines_[0].get_color() if self.lines_ else None
            self.lines_ += self.ax_.plot(
                self.epochs,
                drawn(values),
                color=color,
                linestyle="--" if label == "validation" else "-",
                marker=marker,
                markersize=4,
                label=prefix + label,
            )
        self._mark_best(prefix)
        self.ax_.set(xlabel="epoch", ylabel=self.figure.removeprefix(VALIDATION).replace("_", " "))
        self.ax_.xaxis.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))
        many = len(self.ax_.get_legend_handles_labels()[0]) > _MOST_INSIDE
        self.ax_.legend(**_BESIDE if many else {})
        return self

    def _mark_best(self, prefix: str) -> None:
        if self.best_epoch is None or self.best_epoch not in self.epochs:
            return
        last = self.lines_[-1]
        self.ax_.plot(
            self.best_epoch,
            np.asarray(last.get_ydata())[list(self.epochs).index(self.best_epoch)],
            color=last.get_color(),
            linestyle="none",
            marker="*",
            markersize=12,
            label=f"{prefix}weights kept: epoch {self.best_epoch}",
        )


def _records(given: Any) -> Sequence[Any]:
    if isinstance(given, Sequence) and all(isinstance(one, Mapping | EpochRecord) for one in given):
        return given
    wanted = (
        "a samplewise.History, a result of training, the values in history.json, or a list of "
        "dicts, one for each epoch"
    )
    raise ParameterError(must_be(f"{_NAME}: history", wanted, given))


def _rows_of_curves(estimator: Any) -> list[dict[str, Any]]:
    """Return the rows of scikit-learn's own attributes."""
    losses = getattr(estimator, "loss_curve_", None)
    if losses is None:
        raise ParameterError(
            f"{_NAME}: the {type(estimator).__name__} has neither history_ nor loss_curve_; fit it "
            "first, by a solver that has epochs"
        )
    rows: list[dict[str, Any]] = [
        {"epoch": epoch, "loss": loss} for epoch, loss in enumerate(losses, 1)
    ]
    for row, score in zip(rows, getattr(estimator, "validation_scores_", None) or (), strict=False):
        row["validation_score"] = score
    return rows


def _value(record: Any, figure: str) -> float:
    """Return a figure of an epoch, NaN where it has none."""
    try:
        found = record.get(figure) if isinstance(record, Mapping) else record.figure(figure)
        return math.nan if found is None else float(found)
    except (AttributeError, TypeError, ValueError):
        return math.nan


def _names(records: Sequence[Any]) -> list[str]:
    """Return the names of the figures that `figure` may name."""
    if not records:
        return []
    last = records[-1]
    if isinstance(last, Mapping):
        names = list(last)
    else:
        names = [*vars(last), *(VALIDATION + name for name in last.metrics)]
    return [name for name in names if name != "epoch" and not math.isnan(_value(last, name))]
