"""The settings that decide what is watched in training, when it ends, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samplewise.checks import (
    decay_factor,
    not_negative,
    one_of,
    open_fraction,
    positive_number,
    true_or_false,
    whole_number,
)
from samplewise.errors import CombinationError, ParameterError
from samplewise.training.rows.weighting import class_weight_words
from samplewise.training.settings.words import keep

AUTO = "auto"
LOSS, ACCURACY = "loss", "accuracy"
VALIDATION = "validation_"
METRICS = (LOSS, ACCURACY, VALIDATION + LOSS, VALIDATION + ACCURACY)


@dataclass(frozen=True, kw_only=True)
class ControlSettings:
    """What is watched in training, when it ends, and what is kept of it.

    Args:
        validation_fraction: share of the training rows held out to measure loss and accuracy on
            after every epoch, in (0, 1); the same share of each class, drawn from `seed`.
        monitor: a name of `METRICS`, which patience, keep_best and the schedule plateau go by, or
            "auto": validation_loss where there are validation rows, else loss, which is the mean
            over the epoch's steps.
        patience: epochs in a row without improvement after which training ends; None never ends
            it so.
        min_delta: by how much a figure must be better than the best so far, at least 0.
        keep_best: return the weights after the best epoch, however training ended, and not the
            last; None does so where there is patience. An epoch that was cut short is never best.
        target_loss: training ends after an epoch with such a loss or a smaller one, of the
            validation rows where there are some.
        target_accuracy: likewise, such an accuracy or a larger one, in (0, 1].
        max_seconds: training ends at the first batch edge of bounded work after so many seconds,
            compiling not counted.
        max_steps: training ends after so many steps.
        class_weight: "balanced", or by class name how often the rows of the class count, as
            {"cat": 1.0, "dog": 2.5} or "cat:1,dog:2.5"; a name with a comma or a colon stands in
            double quotes. Class indices without names are named "0", "1" and so on. Classes that
            are not named count as 1, and rows of weight 0 are left out. Balanced is all rows /
            (classes * rows of the class).
        ema_decay: d in [0, 1) of an average of the weights, taken once an epoch, at its end: the
            average of the first epoch is its weights, and later ones are d average + (1 - d)
            weights. It is what is measured, kept and returned; training goes on without it.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    validation_fraction: float | None = None
    monitor: str = AUTO
    patience: int | None = None
    min_delta: float = 0.0
    keep_best: bool | None = None
    target_loss: float | None = None
    target_accuracy: float | None = None
    max_seconds: float | None = None
    max_steps: int | None = None
    class_weight: str | Mapping[str | int, float] | None = None
    ema_decay: float | None = None

    def _check_control(self) -> None:
        one_of("monitor", self.monitor, (AUTO, *METRICS))
        keep(self, min_delta=not_negative("min_delta", self.min_delta))
        for name, check in (
            ("validation_fraction", open_fraction),
            ("patience", whole_number),
            ("keep_best", true_or_false),
            ("target_loss", not_negative),
            ("target_accuracy", positive_number),
            ("max_seconds", positive_number),
            ("max_steps", whole_number),
            ("class_weight", class_weight_words),
            ("ema_decay", decay_factor),
        ):
            given = getattr(self, name)
            if given is not None:
                keep(self, **{name: check(name, given)})
        if self.target_accuracy is not None and self.target_accuracy > 1:
            raise ParameterError(
                f"target_accuracy is {self.target_accuracy}, but must be above 0 and at most 1"
            )

    @property
    def keeps_best(self) -> bool:
        """Whether the weights after the best epoch are returned."""
        return self.patience is not None if self.keep_best is None else self.keep_best

    def monitored(self, *, validated: bool) -> str:
        """Return the metric that is monitored, a name of `METRICS`.

        Args:
            validated: whether there are validation rows.
        """
        if self.monitor != AUTO:
            return self.monitor
        return VALIDATION + LOSS if validated else LOSS

    def check_measured(self, *, validated: bool, track_accuracy: bool) -> None:
        """Refuse to go by a figure that nothing measures.

        Raises:
            CombinationError: it says what to set.
        """
        wanted = {"monitor": self.monitored(validated=validated)}
        if self.target_accuracy is not None:
            wanted["target_accuracy"] = VALIDATION * validated + ACCURACY
        for setting, metric in wanted.items():
            if metric.startswith(VALIDATION) and not validated:
                raise CombinationError(
                    f"{setting} goes by {metric}, but there are no validation rows; set "
                    "validation_fraction, or give validation rows"
                )
            if metric == ACCURACY and not track_accuracy:
                raise CombinationError(
                    f"{setting} goes by the accuracy on the training rows, but track_accuracy is "
                    "off; set it"
                )
