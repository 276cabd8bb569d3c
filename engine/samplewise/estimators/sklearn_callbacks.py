"""scikit-learn's callbacks, all in one place: their protocol may change without notice.

A fit is a task, and each of its epochs a task in it, at whose end a callback may be given the
estimator as it is then, and may end the training by returning True.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from samplewise.training.callbacks import Callback
from samplewise.training.history import EpochRecord, History

if TYPE_CHECKING:
    from samplewise.model.model import Model

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # another version of scikit-learn: estimators work, and have no such callbacks

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing."""


def begun(estimator: Any) -> dict[str, Any]:
    """Return the attributes by which scikit-learn ends its callbacks once a fit has ended."""
    names = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
    return {name: vars(estimator)[name] for name in names if name in vars(estimator)}


@contextmanager
def fit_task(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Iterator[Sequence[Callback]]:
    """Call the callbacks of `set_callbacks` around a training, and in it after each epoch.

    Args:
        estimator: whose fitted attributes are set inside the block.
        X: as the caller of `fit` gave it.
        y: likewise.
        sample_weight: likewise.

    Yields:
        Callbacks for the training; none where `set_callbacks` has set none.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        yield ()
        return
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    rows = {"X": X, "y": y, "metadata": metadata}
    epochs = estimator.max_iter * estimator.n_ens
    context = estimator._init_callback_context(max_subtasks=epochs)
    context.call_on_fit_task_begin(estimator=estimator, **rows)
    yield (Epochs(estimator, context, rows),)
    context.call_on_fit_task_end(estimator=estimator, **rows, reconstruction_attributes={})


class Epochs(Callback):
    """The tasks of the epochs of a network; each network of an ensemble has a copy."""

    takes_model = True

    def __init__(self, estimator: Any, context: Any, rows: dict[str, Any]) -> None:
        self._estimator, self._context, self._rows = estimator, context, rows

    def on_train_begin(self, history: History) -> None:
        """Begin the first epoch."""
        self._begin()

    def _begin(self) -> None:
        self._task = self._context.subcontext(task_name="epoch")
        self._task.call_on_fit_task_begin(estimator=self._estimator, **self._rows)

    def on_epoch_end(self, record: EpochRecord, model: Model) -> bool:
        """End an epoch, and begin the next one."""
        stops = self._task.call_on_fit_task_end(
            estimator=self._estimator,
            **self._rows,
            reconstruction_attributes=lambda: self._estimator._attributes(model),
        )
        if not stops and record.epoch < self._estimator.max_iter:
            self._begin()
        return bool(stops)


__all__ = ["CallbackSupportMixin", "Epochs", "begun", "fit_task"]
