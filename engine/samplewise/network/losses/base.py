"""The description of a loss: its targets, and its predictions from logits."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from samplewise.errors import ParameterError
from samplewise.lazy import np
from samplewise.options.arguments import CheckedOptions
from samplewise.options.fields import changed_fields

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class Loss(CheckedOptions):
    """A loss over the logits of a sample. Value and gradient stand together in each backend.

    Attributes:
        name: as settings and files say it.
        gives_probabilities: True if its predictions are probabilities.
        identity_link: whether logits are the predictions as they are.
    """

    name: ClassVar[str]
    gives_probabilities: ClassVar[bool] = True
    identity_link: ClassVar[bool] = False

    @property
    def description(self) -> str | dict[str, Any]:
        """The loss as a JSON value, which `loss_from` reads: its name, with options set, a table.

        The name alone where every option has its default: versions without options read that.
        """
        changed = changed_fields(self)
        return {"name": self.name, **dataclasses.asdict(self)} if changed else self.name

    def check_outputs(self, outputs: int) -> None:
        """Refuse a network whose number of logits does not fit.

        Raises:
            ParameterError: naming what fits.
        """

    def check_standardizable(self, name: str) -> None:
        """Refuse a loss whose predictions have no other units; `name` is of what asks for them.

        Raises:
            ParameterError: its logits are not its predictions.
        """
        if not self.identity_link:
            raise ParameterError(
                f"{name}: needs a loss of numbers without bounds, such as mean_squared_error or "
                f"huber, got {self.name}; choose such a loss, or omit {name}"
            )

    def predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions of logits (n, outputs): a row of probabilities or numbers each."""
        raise NotImplementedError

    def row_predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the same bits for one row, (1, outputs), as a new array of one dimension."""
        return np.array(self.predictions(logits)[0])

    def decisions(self, predictions: NDArray[Any]) -> NDArray[Any] | None:
        """Return the decisions that follow from predictions, each of them right or wrong.

        The class of each row, int64 (n,); of labels that may hold at once, whether each does, bool
        (n, outputs). None where numbers are predicted.
        """
        return None

    def logits_of(self, targets: NDArray[Any]) -> NDArray[Any] | None:
        """Return logits that predict a row of targets; None where the loss does not say which."""
        return targets if self.identity_link else None

    def mean(self, logits: NDArray[Any], targets: NDArray[Any]) -> float:
        """Return the mean loss over rows, summed in float64; for evaluation only."""
        return float(np.mean(self.values(logits, targets), dtype=np.float64))

    def scaled(self, factor: float) -> Loss:
        """Return the loss for logits and targets that are multiplied by a factor above 0.

        Of a loss without lengths among its options, it is the loss itself.
        """
        return self

    def values(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return the loss of each row."""
        raise NotImplementedError


@dataclass(frozen=True)
class ClassLoss(Loss):
    """A loss that learns the class of a row."""

    def outputs(self, classes: int) -> int:
        """Return the number of logits for `classes` classes.

        Raises:
            ParameterError: the loss does not take so many classes.
        """
        raise NotImplementedError

    def targets(self, labels: NDArray[np.int64], outputs: int, dtype: DTypeLike) -> NDArray[Any]:
        """Return the targets Y (n, outputs) of class indices (n,)."""
        raise NotImplementedError

    def targets_of_rows(self, rows: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return the targets Y (n, outputs) of one-hot rows (n, classes)."""
        raise NotImplementedError

    def predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of every class."""
        return self.probabilities(logits)

    def row_predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of every class."""
        return self.row_probabilities(logits)

    def decisions(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable class of each row; the first one wins a tie."""
        return predictions.argmax(axis=1)

    def probabilities(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the probability of every class, (n, classes), rows summing to 1."""
        raise NotImplementedError

    def row_probabilities(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the same bits for one row, (1, outputs), as (classes,), at less cost."""
        raise NotImplementedError


@dataclass(frozen=True)
class ValueLoss(Loss):
    """A loss that learns a number for each output; it is their mean over the outputs of a row."""

    gives_probabilities: ClassVar[bool] = False
    identity_link: ClassVar[bool] = True

    def check_targets(self, targets: NDArray[Any]) -> None:
        """Refuse targets that the loss cannot learn.

        Raises:
            ParameterError: naming the accepted values.
        """

    def predictions(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the predictions, (n, outputs): the logits themselves."""
        return logits

    def values(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return the loss of each row."""
        return np.asarray(self.entries(logits, targets).mean(axis=1))

    def entries(self, logits: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """Return the loss of each output of each row."""
        raise NotImplementedError


def refuse_negative(name: str, targets: NDArray[Any], most: float = math.inf) -> None:
    """Refuse targets outside [0, most].

    Raises:
        ParameterError: there are some.
    """
    if targets.min() < 0 or targets.max() > most:
        limit = "of at least 0" if most == math.inf else f"from 0 to {most:g}"
        raise ParameterError(
            f"{name} takes targets {limit}, but they run from {targets.min():g} to "
            f"{targets.max():g}"
        )
