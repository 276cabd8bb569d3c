"""A trained network that takes raw rows and answers with classes or numbers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samplewise.checks import instance_of, text, whole_number
from samplewise.contract import Program
from samplewise.data.arrays import is_frame
from samplewise.data.columns import Columns
from samplewise.data.named_rows import rows_of_frame
from samplewise.data.preprocessing import UNCHANGED, Preprocessing
from samplewise.data.rows import preprocessed_rows
from samplewise.data.sources.options import STRETCH
from samplewise.errors import DataError, ParameterError
from samplewise.locks import new_lock
from samplewise.model.part_checks import (
    check_class_names,
    check_parameters,
    check_preprocessing,
    check_rows,
    check_target_preprocessing,
)
from samplewise.model.predictor import Predictor, predicting_program
from samplewise.network import ClassLoss, Loss, Network

MODEL_MADE_BY = "result.model() or load_model(path)"


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its parameters, classes and preprocessing; threads may share it.

    Args:
        network, loss: the trained network and its loss.
        parameters: flat vector (P,) of the network's layout, float64 or float32, finite.
        class_names: the class of each output, in order; of a loss that learns numbers or labels,
            the name of each output, or empty.
        preprocessing: applied to every row first.
        image_shape: (height, width) where rows are images, else None.
        trained_on: name of the dataset, with "synthetic" in it where a program drew the rows.
        backend: name of the backend that predicts; None chooses as in training.
        columns: the columns of the table trained on, by which others are matched; None where
            columns had no names, and go by position.
        full_scale: value of a white pixel in the rows trained on; None for a table.
        fit: how images of another shape were brought to `image_shape`, a name of
            `samplewise.data.sources.options.FITS`.
        array_dtype: of the array trained on, by name: arrays of this dtype have white at
            `full_scale`; None where image files or text were trained on.
        target_preprocessing: of the targets trained on, which predictions and logits undo; of
            `standardize_targets`, else "none".

    Raises:
        ParameterError: an argument is of another type, or does not fit the network.
    """

    network: Network
    loss: Loss
    parameters: NDArray[Any] = field(repr=False)
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    image_shape: tuple[int, int] | None
    trained_on: str
    backend: str | None = None
    columns: Columns | None = None
    full_scale: float | None = None
    fit: str = STRETCH
    array_dtype: str | None = None
    target_preprocessing: Preprocessing = UNCHANGED
    # A program's buffers serve one call at a time, and kernels run without the GIL.
    _lock: threading.Lock = field(default_factory=new_lock, init=False, repr=False)

    def __post_init__(self) -> None:
        instance_of("network", self.network, Network)
        instance_of("loss", self.loss, Loss, "loss_named(name) of samplewise.network.losses")
        instance_of("preprocessing", self.preprocessing, Preprocessing)
        check_parameters(self.parameters, self.network)
        check_class_names(self.class_names, self.loss, self.network)
        check_preprocessing(self.preprocessing, self.network)
        instance_of("target_preprocessing", self.target_preprocessing, Preprocessing)
        check_target_preprocessing(self.target_preprocessing, self.loss, self.network)
        rows = self.image_shape, self.columns, self.full_scale, self.fit, self.array_dtype
        check_rows(*rows, self.network)
        text("trained_on", self.trained_on, "sign-digits")
        if self.backend is not None:
            text("backend", self.backend, "vectorized")

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave lock and program out of copies and pickles: each process compiles its own."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self) if each.init)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The name of each class, or of each output: "output 0" and so on where they have none."""
        outputs = max(self.network.outputs, 2 if isinstance(self.loss, ClassLoss) else 1)
        return self.class_names or tuple(f"output {number}" for number in range(outputs))

    @cached_property
    def _program(self) -> Program:
        return predicting_program(self.network, self.loss, self.parameters, self.backend)

    @cached_property
    def _shape_of_one(self) -> tuple[int, int]:
        return 1, self.network.inputs

    @cached_property
    def _one_row(self) -> Predictor:
        """Predicts a row among the model's calls, whose lock guards the program."""
        return self._predictor(self.preprocessing, None, self._program)

    def share_program(self, other: Model) -> None:
        """Predict by the program of a model that is equal but for its parameters.

        To compile one takes longer than to predict some hundred rows. Calls of both models wait for
        one another.
        """
        vars(self).update(_program=other._program, _lock=other._lock)

    def predictor(self, *, preprocessed: bool = False) -> Predictor:
        """Return a predictor of one row at a time, prepared to answer within microseconds.

        Args:
            preprocessed: whether it will be given rows that are preprocessed already.
        """
        preprocessing = UNCHANGED if preprocessed else self.preprocessing
        return self._predictor(preprocessing, self.columns)

    def _predictor(
        self, preprocessing: Preprocessing, columns: Columns | None, program: Program | None = None
    ) -> Predictor:
        return Predictor(
            self.network,
            self.loss,
            self.parameters,
            preprocessing,
            self.backend,
            columns,
            self.target_preprocessing,
            program=program,
        )

    def logits(self, X: ArrayLike, *, threads: int = 1) -> NDArray[Any]:
        """Return the logits (n, outputs) of raw rows X (n, features); numbers in the data's units.

        Args:
            X: rows. The columns of a data frame are matched by name, in any order, where the model
                has columns.
            threads: maximum number of threads that share the rows, where the backend can and the
                rows are many enough to pay for it; last bits do not depend on it.

        Raises:
            DataError: X does not fit the network.
            ParameterError: `threads` is not a whole number from 1.
        """
        whole_number("threads", threads)
        rows = self.rows_of(X)
        # Small numbers may underflow, and large ones overflow, whatever the caller set.
        with np.errstate(all="ignore"), self._lock:
            if threads == 1:
                logits = self._program.predict(self.parameters, rows)
            else:
                logits = self._shared_out(rows, threads)
            return self.target_preprocessing.restore(logits)

    def rows_of(self, X: ArrayLike) -> NDArray[Any]:
        """Return raw rows as the network takes them, (n, inputs), in the dtype of the parameters.

        Raises:
            DataError: X does not fit the network.
        """
        if self.columns is not None and is_frame(X):
            X = rows_of_frame(X, self.columns, "X")
        return preprocessed_rows(X, self.network, self.preprocessing, self.parameters.dtype)

    def _shared_out(self, rows: NDArray[Any], threads: int) -> NDArray[Any]:
        from samplewise.threads import limited

        # Each thread takes products of its own: more threads in these would wait for one another.
        with limited(1):
            self._program.threads = threads
            try:
                return self._program.predict(self.parameters, rows)
            finally:
                self._program.threads = 1

    def probabilities(self, X: ArrayLike, *, threads: int = 1) -> NDArray[Any]:
        """Return the probability of each class or label, (n, classes), for raw rows X.

        Args:
            X: as `logits`.
            threads: as `logits`.

        Raises:
            DataError: X does not fit the network, or is so large that its logits overflow.
            ParameterError: the network learnt numbers.
        """
        if not self.loss.gives_probabilities:
            raise ParameterError(
                f"a model of {self.loss.name} predicts numbers, which have no probabilities; use "
                "Model.predict"
            )
        return self._predictions(X, threads)

    def predict(self, X: ArrayLike, *, threads: int = 1) -> NDArray[Any]:
        """Return the prediction for each raw row.

        Of a loss that learns classes, the index of the most probable one, int64 (n,). Of two
        classes, the first wins a tie: class 1 where its probability exceeds 0.5. Of
        `multi_label_cross_entropy`, the probability of each label, and of other losses the numbers,
        such as the mean of a Poisson count: (n, outputs), or (n,) where there is one output.

        Args:
            X: as `logits`.
            threads: as `logits`.

        Raises:
            DataError: X does not fit the network, or is so large that its logits overflow.
        """
        predictions = self._predictions(X, threads)
        if isinstance(self.loss, ClassLoss):
            return self.loss.decisions(predictions)
        return predictions[:, 0] if predictions.shape[1] == 1 else predictions

    def _predictions(self, X: ArrayLike, threads: int) -> NDArray[Any]:
        # The checks of any X, and NumPy's calls for it, take 20 times as long as one row.
        if type(X) is np.ndarray and X.shape == self._shape_of_one:
            with self._lock:
                predictions = self._one_row.of_plain_row(X[0])
            if predictions is not None:
                return predictions[np.newaxis]
        with np.errstate(all="ignore"):
            predictions = self.loss.predictions(self.logits(X, threads=threads))
        check_predictions(predictions, self.parameters.dtype)
        return predictions


def logits_of_each(models: Sequence[Model], X: ArrayLike) -> list[NDArray[Any]]:
    """Return the logits of raw rows that each model gives, with the bits of `Model.logits`.

    Rows are prepared once, and a program for each network, which takes longer than to predict.

    Args:
        models: at least one, equal in inputs, preprocessing, columns and dtype.
        X: as `Model.logits`.

    Raises:
        DataError: X does not fit the networks.
    """
    if len(models) == 1:
        # Its own program, which later calls use again.
        return [models[0].logits(X)]
    rows = models[0].rows_of(X)
    programs: dict[tuple[Network, str | None], Program] = {}
    found = []
    with np.errstate(all="ignore"):
        for model in models:
            key = model.network, model.backend
            if key not in programs:
                parts = model.network, model.loss, model.parameters, model.backend
                programs[key] = predicting_program(*parts)
            logits = programs[key].predict(model.parameters, rows)
            found.append(model.target_preprocessing.restore(logits))
    return found


def check_predictions(predictions: NDArray[Any], dtype: np.dtype[Any]) -> None:
    """Refuse predictions that are not finite: argmax would call them class 0.

    Raises:
        DataError: some are not; naming the first row.
    """
    finite = np.isfinite(predictions)
    if not finite.all():
        overflown = ~finite.all(axis=1)
        raise DataError(
            f"X: the logits of row {int(overflown.argmax())} (counted from 0) overflow {dtype}; "
            "preprocess X as for training"
        )
