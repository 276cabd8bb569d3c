"""FANN, the C library: float, incremental training, one call an epoch, through ctypes.

The library is looked for in the file that SAMPLEWISE_FANN names, then where the system has its
libraries. Sources: fann_data.h, fann_train.c and fann_io.c of FANN 2.2.

FANN knows one loss, the squared error of its output, so its output error is (y - p) p (1 - p)
where the task has y - p; and it takes p into [0.01, 0.99] for the slope p (1 - p) of any sigmoid.
All else is the task's own arithmetic: the same products and updates in the same order. Its results
are held against the same arithmetic in NumPy and float64; its time counts, its losses compare with
nothing else.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import tempfile
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_float, c_int, c_uint, c_void_p
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD
from samplewise.network.losses.links import sigmoid
from samplewise_bench.peers import task as tasks
from samplewise_bench.peers.task import Calls, NotApplicableError, OneTraining, Outcome, Task

ENVIRONMENT_VARIABLE = "SAMPLEWISE_FANN"
FILES = ("libfloatfann.so.2", "libfloatfann.dylib", "fannfloat.dll")
SIGMOID, INCREMENTAL, SQUARED_ERROR = 3, 0, 0
# FANN's sigmoid is 1 / (1 + exp(-2 s z)).
STEEPNESS = 0.5
LEAST_OUTPUT, MOST_OUTPUT = 0.01, 0.99
DIFFERS = "squared error, which is FANN's only loss; otherwise the same steps"
install = "apt-get install libfann2"


class _Data(ctypes.Structure):
    """The head of `struct fann_train_data`."""

    _fields_ = (
        ("error", c_int),
        ("error_log", c_void_p),
        ("error_text", c_void_p),
        ("sizes", c_uint * 3),
        ("input", POINTER(POINTER(c_float))),
        ("output", POINTER(POINTER(c_float))),
    )


class _Connection(ctypes.Structure):
    """`struct fann_connection`."""

    _fields_ = (("source", c_uint), ("target", c_uint), ("weight", c_float))


# Result and arguments of each function that is used.
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "create_standard_array": (c_void_p, c_uint, POINTER(c_uint)),
    "create_from_file": (c_void_p, c_char_p),
    "save": (c_int, c_void_p, c_char_p),
    "copy": (c_void_p, c_void_p),
    "destroy": (None, c_void_p),
    "set_activation_function_hidden": (None, c_void_p, c_int),
    "set_activation_function_output": (None, c_void_p, c_int),
    "set_activation_steepness_hidden": (None, c_void_p, c_float),
    "set_activation_steepness_output": (None, c_void_p, c_float),
    "set_training_algorithm": (None, c_void_p, c_int),
    "set_train_error_function": (None, c_void_p, c_int),
    "set_learning_rate": (None, c_void_p, c_float),
    "set_learning_momentum": (None, c_void_p, c_float),
    "get_total_connections": (c_uint, c_void_p),
    "get_connection_array": (None, c_void_p, POINTER(_Connection)),
    "create_train": (POINTER(_Data), c_uint, c_uint, c_uint),
    "train_epoch": (c_float, c_void_p, POINTER(_Data)),
    "run": (POINTER(c_float), c_void_p, POINTER(c_float)),
}


def load(cores: int) -> str:
    """Load the library."""
    _library()
    return "2"


def ways(task: Task) -> Sequence[str]:
    """Return "incremental"."""
    problem = task.problem
    task.require("FANN", tasks.DENSE, ("sgd", "momentum"))
    if problem.batch_size > 1:
        raise NotApplicableError("FANN updates after each row, or after all of them")
    if any(layer.activation != "sigmoid" for layer in problem.network.layers[:-1]):
        raise NotApplicableError("FANN is used with sigmoid layers only")
    if task.calls and problem.network.outputs > 1:
        raise NotApplicableError("FANN has no softmax")
    return ["fann_run" if task.calls else "incremental"]


def prepare(task: Task, way: str) -> FannTraining | Calls:
    """Build the network and copy the rows."""
    if not task.calls:
        return FannTraining(task)
    row = task.problem.X[:1].copy()
    call = partial(_library()["run"], _network(task), row.ctypes.data_as(POINTER(c_float)))
    shape = (1, task.problem.network.outputs)
    return Calls(task, call, result=partial(np.ctypeslib.as_array, shape=shape))


class FannTraining(OneTraining):
    """One call an epoch; its losses are FANN's mean squared errors."""

    differs = DIFFERS

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._fann = fann = _library()
        X, Y = self.problem.X, self.problem.Y
        self._data = fann["create_train"](len(X), X.shape[1], Y.shape[1])
        for index, (x, y) in enumerate(zip(X, Y, strict=True)):
            ctypes.memmove(self._data.contents.input[index], x.ctypes.data, x.nbytes)
            ctypes.memmove(self._data.contents.output[index], y.ctypes.data, y.nbytes)
        self._initial = _network(task)
        self._network: c_void_p | None = None

    def reset(self) -> None:
        if self._network is not None:
            self._fann["destroy"](self._network)
        self._network = c_void_p(self._fann["copy"](self._initial))
        # The copy has these at their defaults.
        _set_rule(self._network, self.task)

    def run(self) -> None:
        train, network, data = self._fann["train_epoch"], self._network, self._data
        self.losses = [train(network, data) for _ in range(self.problem.epochs)]

    def arrays(self) -> list[NDArray[Any]]:
        connections = (_Connection * self._fann["get_total_connections"](self._network))()
        self._fann["get_connection_array"](self._network, connections)
        ends_and_weight = np.dtype([("ends", "u4", 2), ("weight", "f4")])
        weights = np.frombuffer(connections, ends_and_weight)["weight"]
        arrays: list[NDArray[Any]] = []
        for weight in self.problem.tensors()[::2]:
            units, inputs = weight.shape
            # Of each neuron in turn, its bias last.
            both, weights = np.split(weights, [units * (inputs + 1)])
            both = both.reshape(units, inputs + 1)
            arrays += [both[:, :-1], both[:, -1]]
        return arrays

    def expected(self) -> Outcome:
        return squared_error_training(self.task)


@cache
def _library() -> dict[str, Any]:
    """Return the functions of the library by name.

    Raises:
        OSError: it is not here.
    """
    library, functions = _found(), {}
    for name, (result, *arguments) in SIGNATURES.items():
        functions[name] = getattr(library, f"fann_{name}")
        functions[name].restype, functions[name].argtypes = result, arguments
    return functions


def _found() -> ctypes.CDLL:
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return ctypes.CDLL(named)
    for name in filter(None, (ctypes.util.find_library("floatfann"), *FILES)):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise OSError(f"libfloatfann was not found; set {ENVIRONMENT_VARIABLE} to its file")


def _network(task: Task) -> c_void_p:
    """Return a network at the task's initial weights.

    The weights go through FANN's own file: setting them by its function takes time that grows with
    the square of their number, 50 s at 200,000.
    """
    fann, arrays = _library(), task.problem.tensors()
    sizes = [size for (size,) in task.problem.network.shapes]
    made = c_void_p(fann["create_standard_array"](len(sizes), (c_uint * len(sizes))(*sizes)))
    for place in ("hidden", "output"):
        fann[f"set_activation_function_{place}"](made, SIGMOID)
        fann[f"set_activation_steepness_{place}"](made, STEEPNESS)
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    weights = np.concatenate([np.column_stack(pair).ravel() for pair in pairs])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.net"
        fann["save"](made, bytes(path))
        fann["destroy"](made)
        # A connection is written as "(source, weight) ".
        sources, written = r"(?<=\()(\d+), [^)]+", path.read_text(encoding="ascii")
        head, mark, connections = written.partition("weight)=")
        filled = re.sub(sources, partial(_filled, iter(weights)), connections)
        path.write_text(f"{head}{mark}{filled}", encoding="ascii")
        loaded = c_void_p(fann["create_from_file"](bytes(path)))
    if not loaded:
        raise OSError("FANN could not read a network that it wrote")
    _set_rule(loaded, task)
    return loaded


def _filled(weights: Any, connection: re.Match[str]) -> str:
    return f"{connection[1]}, {next(weights):.9e}"


def _momentum(task: Task) -> float:
    rule = task.problem.optimizer
    assert isinstance(rule, SGD)
    return rule.momentum


def _set_rule(network: c_void_p, task: Task) -> None:
    """Set the task's rate and momentum, incremental training, and squared error."""
    fann = _library()
    fann["set_training_algorithm"](network, INCREMENTAL)
    fann["set_train_error_function"](network, SQUARED_ERROR)
    # Again, as its file keeps six decimals.
    fann["set_learning_rate"](network, task.problem.learning_rate)
    fann["set_learning_momentum"](network, _momentum(task))


def squared_error_training(task: Task) -> Outcome:
    """Train as FANN does, in float64: sigmoids, squared error, one row a step.

    Errors are those of the outputs, y - p, times the slopes; a step adds rate * error * input and
    momentum times the last step, as `fann_update_weights` does.
    """
    problem = task.problem
    arrays = [array.astype(np.float64) for array in problem.tensors()]
    last = [np.zeros_like(array) for array in arrays]
    losses = np.zeros((1, problem.epochs))
    for epoch in range(problem.epochs):
        for x, y in zip(problem.X.astype(np.float64), problem.Y, strict=True):
            loss, steps = _steps(arrays, x, y)
            losses[0, epoch] += loss / len(problem.X)
            for array, step, kept in zip(arrays, steps, last, strict=True):
                kept *= _momentum(task)
                kept += problem.learning_rate * step
                array += kept
    return Outcome(losses, problem.flat(arrays)[None])


def _steps(
    arrays: Sequence[NDArray[Any]], x: NDArray[Any], y: NDArray[Any]
) -> tuple[float, list[NDArray[Any]]]:
    """Return the squared error of a row, and the steps of each weight and bias."""
    values = [x]
    for weight, bias in zip(arrays[::2], arrays[1::2], strict=True):
        values.append(sigmoid(weight @ values[-1] + bias))
    error = y - values[-1]
    loss = float(np.mean(error * error))
    steps: list[NDArray[Any]] = []
    for weight, before, value in zip(arrays[-2::-2], values[-2::-1], values[::-1], strict=False):
        clipped = np.clip(value, LEAST_OUTPUT, MOST_OUTPUT)
        error = error * clipped * (1 - clipped)
        steps = [np.outer(error, before), error, *steps]
        error = error @ weight
    return loss, steps
