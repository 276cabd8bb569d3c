"""One row at a time: a predictor prepares once, so that a call takes microseconds."""

from __future__ import annotations

import contextvars
import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise import registry
from samplewise.contract import Program
from samplewise.data.arrays import NUMBERS
from samplewise.data.columns import Columns
from samplewise.data.named_rows import is_named_row, row_of_mapping
from samplewise.data.preprocessing import NONE, UNCHANGED, Preprocessing
from samplewise.data.rows import one_row, preprocessed_rows
from samplewise.errors import DataError, SamplewiseError
from samplewise.network import SGD, ClassLoss, Loss, Network, aligned_zeros

_ARRAY = np.ndarray


def predicting_program(
    network: Network, loss: Loss, parameters: NDArray[Any], backend: str | None
) -> Program:
    """Return a program that predicts with parameters of this dtype.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """
    settings = network, loss, SGD(), parameters.dtype
    return registry.resolve(backend, *settings).backend.compile(*settings)


class Predictor:
    """A trained network that takes one row after the other; `Model.predictor` makes it.

    It answers one call at a time, so each thread makes its own. Copies and pickles prepare anew.

    Args:
        network, loss: the trained network and its loss.
        parameters: flat vector (P,), float64 or float32; nobody writes to it from now on.
        preprocessing: applied to every row first.
        backend: name of the backend that predicts; None chooses as in training.
        columns: those of the model, by which the values of a mapping are found; None without names.
        target_preprocessing: that of the model, which predictions undo.
        program: that predicts, called by nobody else meanwhile; None compiles one.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        parameters: NDArray[Any],
        preprocessing: Preprocessing,
        backend: str | None,
        columns: Columns | None = None,
        target_preprocessing: Preprocessing = UNCHANGED,
        *,
        program: Program | None = None,
    ) -> None:
        described = preprocessing, backend, columns, target_preprocessing
        self._made_of = network, loss, parameters, *described
        self._columns = columns
        self._network, self._preprocessing = network, preprocessing
        self._preprocesses = preprocessing.name != NONE
        self._restores = target_preprocessing.name != NONE
        self._restore = target_preprocessing.restore
        self._learns_classes = isinstance(loss, ClassLoss)
        self._link = loss.row_probabilities if isinstance(loss, ClassLoss) else loss.row_predictions
        X = aligned_zeros((1, network.inputs), parameters.dtype)
        # Preprocessing works in float64, whatever the network's dtype.
        wide = self._preprocesses and X.dtype != np.float64
        raw = aligned_zeros((1, network.inputs), np.float64) if wide else X
        self._X, self._row = X, X[0]
        self._raw, self._raw_row, self._shape = raw, raw[0], (network.inputs,)
        # A call takes the only token: a list gives it to one thread, in a third of a lock's time.
        self._tokens = [None]
        # Entering np.errstate would cost as much as the network; running in this costs a tenth.
        self._run = contextvars.Context().run
        self._run(np.seterr, all="ignore")
        # Programs answer one call at a time, too.
        program = program or predicting_program(network, loss, parameters, backend)
        self._compute, self._logits = self._run(program.predictor, parameters, X)
        self._run(self._compute)  # compiles, where that is left to do

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the prepared arrays out: pointers into them would be invalid in a copy."""
        return type(self), self._made_of

    def __call__(self, x: ArrayLike | Mapping[str, Any]) -> NDArray[Any]:
        """Return the probability of each class or label, or the numbers, of one row.

        A new array (outputs,), (classes,) for classes, of the network's dtype.

        Args:
            x: one row of numbers, (features,), or one input of the network's shape. An ndarray of
                the first shape is the fastest. Or a mapping from the names of the model's columns
                to values, such as a dict.

        Raises:
            DataError: x does not fit the network, is not finite, or is so large that its logits
                overflow.
            SamplewiseError: another thread's call is under way.
        """
        try:
            token = self._tokens.pop()
        except IndexError:
            raise SamplewiseError(
                "this predictor is in the middle of another call; make one for each thread with "
                "Model.predictor"
            ) from None
        try:
            return self._run(self._predictions, x)
        finally:
            self._tokens.append(token)

    def of_plain_row(self, x: NDArray[Any]) -> NDArray[Any] | None:
        """Return the predictions of a plain row; None where x needs a closer look, or is at fault.

        Args:
            x: one row, (features,); the caller sees to it that no other call is under way.
        """
        return self._run(self._of_plain_row, x)

    def _of_plain_row(self, x: ArrayLike | Mapping[str, Any]) -> NDArray[Any] | None:
        if type(x) is not _ARRAY or x.shape != self._shape or x.dtype.kind not in NUMBERS:
            return None
        self._raw_row[...] = x
        if self._preprocesses:
            self._preprocessing.apply_in_place(self._raw)
            if self._raw is not self._X:
                self._X[...] = self._raw
        return self._computed()

    def predict(self, x: ArrayLike | Mapping[str, Any]) -> Any:
        """Return the prediction of `Model.predict` for one row.

        Of a loss that learns classes, the index of the most probable one as an int; the first wins
        a tie. Else a float where there is one output, and an array (outputs,) where there are more.

        Raises:
            DataError, SamplewiseError: as calling it.
        """
        predictions = self(x)
        if self._learns_classes:
            return int(predictions.argmax())
        return float(predictions[0]) if len(predictions) == 1 else predictions

    def _predictions(self, x: ArrayLike | Mapping[str, Any]) -> NDArray[Any]:
        predictions = self._of_plain_row(x)
        if predictions is not None:
            return predictions
        self._take_checked(x)
        predictions = self._computed()
        if predictions is None:
            raise DataError(
                f"x: its logits overflow {self._logits.dtype}; preprocess x as for training"
            )
        return predictions

    def _computed(self) -> NDArray[Any] | None:
        """Return the predictions of the row that was copied in; None where it or they overflow.

        Of a row with NaN or infinity in it, all logits are NaN: see `Program.predictor`.
        """
        self._compute()
        logits = self._restore(self._logits) if self._restores else self._logits
        predictions = self._link(logits)
        if self._learns_classes:
            # False for NaN; and where one probability is NaN, all are.
            whole = predictions.item(0) >= 0
        else:
            # A user's link may give a number for NaN.
            whole = np.isfinite(predictions).all() and not math.isnan(self._logits.item(0))
        return predictions if whole else None

    def _take_checked(self, x: ArrayLike | Mapping[str, Any]) -> None:
        """Copy in a row of another form, or raise the error that names its fault."""
        if self._columns is not None and is_named_row(x):
            x = row_of_mapping(x, self._columns, "x")
        X = one_row(cast("ArrayLike", x), self._network)
        dtype = self._row.dtype
        self._X[...] = preprocessed_rows(X, self._network, self._preprocessing, dtype)
