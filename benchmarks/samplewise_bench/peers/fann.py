"""FANN, the C library: float, incremental training, one call an epoch.

FANN knows one loss, the squared error of its output, so its output error is (y - p) p (1 - p)
where the task has y - p; and it takes p into [0.01, 0.99] for the slope p (1 - p) of any sigmoid.
All else is the task's own arithmetic: the same products and updates in the same order. Its results
are held against the same arithmetic in NumPy and float64; its time counts, its losses compare with
nothing else.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_float, c_void_p
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network.losses.links import sigmoid
from samplewise_bench.peers.fann_library import (
    Connection,
    load_library,
    momentum_of,
    network_of,
    set_rule,
)
from samplewise_bench.peers.task import (
    DENSE,
    Calls,
    NotApplicableError,
    Outcome,
    Runner,
    Task,
    flat,
    only,
    single,
    tensors,
)

LEAST_OUTPUT, MOST_OUTPUT = 0.01, 0.99
DIFFERS = "squared error, which is FANN's only loss; otherwise the same steps"


install = "apt-get install libfann2"


def load(cores: int) -> str:
    """Load the library."""
    load_library()
    return "2"


def ways(task: Task) -> Sequence[str]:
    """Return "incremental"."""
    problem = task.problem
    only(task, "FANN", DENSE, ("sgd", "momentum"))
    single(task, "FANN")
    if problem.batch_size > 1:
        raise NotApplicableError("FANN updates after each row, or after all of them")
    if any(layer.activation != "sigmoid" for layer in problem.network.layers[:-1]):
        raise NotApplicableError("FANN is used with sigmoid layers only")
    if task.calls and problem.network.outputs > 1:
        raise NotApplicableError("FANN has no softmax")
    return ["fann_run" if task.calls else "incremental"]


def prepare(task: Task, way: str) -> Runner:
    """Build the network and copy the rows."""
    return prediction(task) if task.calls else FannTraining(task)


class FannTraining(Runner):
    """One call an epoch; its losses are FANN's mean squared errors."""

    differs = DIFFERS

    def __init__(self, task: Task) -> None:
        self._library = library = load_library()
        self._task = task
        X, Y = task.problem.X, task.problem.Y
        self._data = library.fann_create_train(len(X), X.shape[1], Y.shape[1])
        for index, (x, y) in enumerate(zip(X, Y, strict=True)):
            ctypes.memmove(self._data.contents.input[index], x.ctypes.data, x.nbytes)
            ctypes.memmove(self._data.contents.output[index], y.ctypes.data, y.nbytes)
        self._initial = network_of(library, task)
        self._network: c_void_p | None = None

    def reset(self) -> None:
        if self._network is not None:
            self._library.fann_destroy(self._network)
        self._network = c_void_p(self._library.fann_copy(self._initial))
        # fann_copy leaves these at their defaults.
        set_rule(self._library, self._network, self._task)

    def run(self) -> None:
        train, epochs = self._library.fann_train_epoch, self._task.problem.epochs
        self._losses = [train(self._network, self._data) for _ in range(epochs)]

    def outcome(self) -> Outcome:
        count = self._library.fann_get_total_connections(self._network)
        connections = (Connection * count)()
        self._library.fann_get_connection_array(self._network, connections)
        weights = np.frombuffer(connections, dtype=np.dtype([("ends", "u4", 2), ("weight", "f4")]))
        return Outcome(
            np.array([self._losses]), flat(self._task.problem, self._apart(weights["weight"]))[None]
        )

    def _apart(self, weights: NDArray[Any]) -> list[NDArray[Any]]:
        arrays, start = [], 0
        for weight in tensors(self._task.problem)[::2]:
            units, inputs = weight.shape
            both = weights[start : start + units * (inputs + 1)].reshape(units, inputs + 1)
            arrays += [both[:, :-1], both[:, -1]]
            start += both.size
        return arrays

    def expected(self) -> Outcome:
        return squared_error_training(self._task)


def prediction(task: Task) -> Calls:
    """Return calls of `fann_run` for one row; it gives probabilities."""
    library = load_library()
    row = task.problem.X[:1].copy()
    pointer = row.ctypes.data_as(POINTER(c_float))
    shape = (1, task.problem.network.outputs)
    call = partial(library.fann_run, network_of(library, task), pointer)
    return Calls(task, call, lambda output: np.ctypeslib.as_array(output, shape))


def squared_error_training(task: Task) -> Outcome:
    """Train as FANN does, in float64: sigmoids, squared error, one row a step.

    Errors are those of the outputs, y - p, times the slopes; a step adds rate * error * input and
    momentum times the last step, as `fann_update_weights` does.
    """
    problem = task.problem
    arrays = [array.astype(np.float64) for array in tensors(problem)]
    weights, biases = arrays[::2], arrays[1::2]
    last = [np.zeros_like(array) for array in arrays]
    rate, momentum = problem.learning_rate, momentum_of(task)
    losses = []
    for _ in range(problem.epochs):
        total = 0.0
        for x, y in zip(problem.X.astype(np.float64), problem.Y, strict=True):
            values = [x]
            for weight, bias in zip(weights, biases, strict=True):
                values.append(sigmoid(weight @ values[-1] + bias))
            error = y - values[-1]
            total += float(np.mean(error * error))
            steps = _steps(values, weights, error * _slope(values[-1]))
            for array, step, kept in zip(arrays, steps, last, strict=True):
                kept *= momentum
                kept += rate * step
                array += kept
        losses.append(total / len(problem.X))
    return Outcome(np.array([losses]), flat(problem, arrays)[None])


def _slope(value: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(value, LEAST_OUTPUT, MOST_OUTPUT)
    return clipped * (1 - clipped)


def _steps(
    values: Sequence[NDArray[np.float64]],
    weights: Sequence[NDArray[np.float64]],
    error: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Return the steps of each weight and bias, from all values and the last error."""
    steps: list[NDArray[np.float64]] = []
    for layer in reversed(range(len(weights))):
        steps = [np.outer(error, values[layer]), error, *steps]
        if layer > 0:
            error = (error @ weights[layer]) * _slope(values[layer])
    return steps
