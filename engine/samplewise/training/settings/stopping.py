"""Settings of early stopping: the monitored figure, and the conditions that end a training."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from samplewise.checks import must_be, not_negative, one_of, positive_number, suggestion
from samplewise.errors import CombinationError, ParameterError
from samplewise.options.fields import documented, option
from samplewise.options.kinds import SWITCH, choice, number, whole
from samplewise.options.settings import Settings

AUTO = "auto"
LOSS, ACCURACY = "loss", "accuracy"
VALIDATION, FIGURE = "validation_", "figure_"
METRICS = (LOSS, ACCURACY, VALIDATION + LOSS, VALIDATION + ACCURACY)


def _monitor(name: str, given: object) -> str:
    # The names behind these two are known when training begins.
    if isinstance(given, str) and given.startswith((VALIDATION, FIGURE)):
        return given
    return one_of(name, given, (AUTO, *METRICS))


def _share(name: str, given: object) -> float:
    share = positive_number(name, given)
    if share > 1:
        raise ParameterError(must_be(name, "above 0 and at most 1", share))
    return share


@documented
@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Settings):
    """The monitored figure, the conditions that end a training, and the weights that are kept.

    Targets are those of the validation rows, where there are some. An epoch that was cut short is
    never the best.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    PANEL = "Stopping"

    monitor: str = option(
        AUTO,
        choice((AUTO, *METRICS), _monitor),
        "figure that decides for patience, keep_best and schedule plateau; auto is "
        "validation_loss with validation rows, else loss; in Python, validation_NAME is a metric "
        "and figure_NAME a figure",
    )
    patience: int | None = option(
        None, whole(), "stop after so many epochs in a row without improvement", shown="never"
    )
    min_delta: float = option(
        0.0, number(not_negative), "smallest change of the figure that is an improvement"
    )
    follow_best: bool = option(
        False,
        SWITCH,
        "compare with the best figure so far, however little it was better, and count a figure "
        "better by exactly min_delta as an improvement, as scikit-learn does",
    )
    keep_best: bool | None = option(
        None,
        SWITCH,
        "return the weights of the best epoch instead of the last",
        shown="on with patience",
        flags="--keep-best/--keep-last",
    )
    target_loss: float | None = option(
        None, number(not_negative), "stop once the loss is at most this", shown="never"
    )
    target_accuracy: float | None = option(
        None, number(_share), "stop once the accuracy is at least this, in (0, 1]", shown="never"
    )

    @property
    def keeps_best(self) -> bool:
        """True if the weights after the best epoch are returned."""
        return self.patience is not None if self.keep_best is None else self.keep_best

    @property
    def goes_by_accuracy(self) -> bool:
        """True if an accuracy is monitored or has a target."""
        return self.monitor.endswith(ACCURACY) or self.target_accuracy is not None

    def monitored(self, *, validated: bool) -> str:
        """Return the metric that is monitored, a name of `METRICS`.

        Args:
            validated: whether there are validation rows.
        """
        if self.monitor != AUTO:
            return self.monitor
        return VALIDATION + LOSS if validated else LOSS

    def check_measured(
        self,
        *,
        validated: bool,
        track_accuracy: bool,
        metrics: Collection[str] = (),
        figures: Collection[str] = (),
    ) -> None:
        """Refuse to monitor a figure that is not measured.

        Args:
            validated: whether there are validation rows.
            track_accuracy: whether the accuracy on the training rows is measured.
            metrics: names of those passed to `train`.
            figures: names of those passed to `train`, of an epoch's record or of all networks.

        Raises:
            CombinationError: it says what to set.
        """
        wanted = {"monitor": self.monitored(validated=validated)}
        if self.target_accuracy is not None:
            wanted["target_accuracy"] = VALIDATION * validated + ACCURACY
        own = *(VALIDATION + name for name in metrics), *(FIGURE + name for name in figures)
        known = *METRICS, *own
        for setting, metric in wanted.items():
            if metric not in known:
                right = f"one of {', '.join(known)}, or a metric or figure passed to train"
                hint = suggestion(metric, known)
                raise CombinationError(must_be(setting, right, metric) + hint)
            if metric.startswith(VALIDATION) and not validated:
                raise CombinationError(
                    f"{setting}: {metric} must have validation rows to be measured on, got none; "
                    "set validation_fraction, or give validation rows"
                )
            if metric == ACCURACY and not track_accuracy:
                raise CombinationError(
                    f"{setting}: needs the accuracy on the training rows, and track_accuracy is "
                    "off; switch it on"
                )
