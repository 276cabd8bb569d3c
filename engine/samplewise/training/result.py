"""The result of training a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from samplewise.contract import TrainingState
from samplewise.data.columns import Columns
from samplewise.network import ClassLoss, Loss, Network
from samplewise.training.history import History
from samplewise.training.rows.classes import check_class_names, number_of_classes

if TYPE_CHECKING:
    from samplewise.model.model import Model
    from samplewise.training.snapshot import Snapshot

TRAINED_ON = "arrays"


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingResult:
    """A trained network.

    Args:
        network: that was trained.
        loss: trained with.
        parameters: flat vector (P,), in the run's dtype.
        state: after the last step, with the optimizer's slots, to go on from on any rows with
            `train(..., initial=state)`; its parameters differ where the best or average ones are
            returned.
        history: of the run.
        class_names: of the class indices that the network predicts, in order: those of text
            targets, or "0", "1" and so on; empty where no classes are learnt.
        columns: those of the data frame trained on, or of the model that training began with, by
            which the model finds the columns of others; None where they have no names.
        snapshot: to go on from, with `train(..., initial=snapshot)`, where training was
            interrupted; else None. Of networks that trained at once, of all of them.
    """

    network: Network
    loss: Loss
    parameters: NDArray[Any] = field(repr=False)
    state: TrainingState = field(repr=False)
    history: History = field(repr=False)
    class_names: tuple[str, ...] = ()
    columns: Columns | None = None
    snapshot: Snapshot | None = None

    def __repr__(self) -> str:
        """Return the network and the figures of its history."""
        return f"TrainingResult({self.network}, {self.loss.name}, history={self.history})"

    def model(self, *, class_names: Sequence[str] | None = None) -> Model:
        """Return a model of these parameters, which predicts, and which `save_model` writes.

        It takes rows as they were trained on: it does no preprocessing.

        Args:
            class_names: of the classes, instead of those of the result; of a loss that learns
                numbers or labels, the name of each output.

        Raises:
            ParameterError: there are not as many different names as classes or outputs.
        """
        names = self.class_names
        if class_names is not None:
            classes = isinstance(self.loss, ClassLoss)
            count = number_of_classes(self.network) if classes else self.network.outputs
            names = check_class_names(class_names, count)
        backend = self.history.backend
        return model_of(self.network, self.loss, self.parameters, names, backend, self.columns)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict rows, as `Model.predict`.

        Args:
            X: rows as they were trained on, (n, inputs).

        Raises:
            DataError: X does not fit the network.
        """
        return self._model.predict(X)

    @cached_property
    def _model(self) -> Model:
        return self.model()


def model_of(
    network: Network,
    loss: Loss,
    parameters: NDArray[Any],
    class_names: tuple[str, ...],
    backend: str | None = None,
    columns: Columns | None = None,
) -> Model:
    """Return a model that takes rows as they are; backend: that predicts, None chooses one."""
    from samplewise.data.preprocessing import NONE, Preprocessing
    from samplewise.model.model import Model

    return Model(
        network=network,
        loss=loss,
        parameters=parameters,
        class_names=class_names,
        preprocessing=Preprocessing(NONE),
        image_shape=None,
        trained_on=TRAINED_ON,
        backend=backend,
        columns=columns,
    )
