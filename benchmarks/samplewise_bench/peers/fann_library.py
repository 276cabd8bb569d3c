"""libfloatfann through ctypes: finding it, its functions, and a network at given weights.

The library is looked for in the file that SAMPLEWISE_FANN names, then where the system has its
libraries. Sources: fann_data.h, fann_train.c and fann_io.c of FANN 2.2.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import tempfile
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_float, c_int, c_uint, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD
from samplewise_bench.peers.task import Task, tensors

ENVIRONMENT_VARIABLE = "SAMPLEWISE_FANN"
FILES = ("libfloatfann.so.2", "libfloatfann.dylib", "fannfloat.dll")
SIGMOID, INCREMENTAL, SQUARED_ERROR = 3, 0, 0
# FANN's sigmoid is 1 / (1 + exp(-2 s z)).
STEEPNESS = 0.5
_CONNECTIONS = "connections (connected_to_neuron, weight)="


class _Data(ctypes.Structure):
    """The head of `struct fann_train_data`."""

    _fields_ = (
        ("error_number", c_int),
        ("error_log", c_void_p),
        ("error_text", c_void_p),
        ("rows", c_uint),
        ("inputs", c_uint),
        ("outputs", c_uint),
        ("input", POINTER(POINTER(c_float))),
        ("output", POINTER(POINTER(c_float))),
    )


class Connection(ctypes.Structure):
    """`struct fann_connection`."""

    _fields_ = (("source", c_uint), ("target", c_uint), ("weight", c_float))


_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "fann_create_standard_array": (c_void_p, (c_uint, POINTER(c_uint))),
    "fann_create_from_file": (c_void_p, (c_char_p,)),
    "fann_save": (c_int, (c_void_p, c_char_p)),
    "fann_copy": (c_void_p, (c_void_p,)),
    "fann_destroy": (None, (c_void_p,)),
    "fann_set_activation_function_hidden": (None, (c_void_p, c_int)),
    "fann_set_activation_function_output": (None, (c_void_p, c_int)),
    "fann_set_activation_steepness_hidden": (None, (c_void_p, c_float)),
    "fann_set_activation_steepness_output": (None, (c_void_p, c_float)),
    "fann_set_training_algorithm": (None, (c_void_p, c_int)),
    "fann_set_train_error_function": (None, (c_void_p, c_int)),
    "fann_set_learning_rate": (None, (c_void_p, c_float)),
    "fann_set_learning_momentum": (None, (c_void_p, c_float)),
    "fann_get_total_connections": (c_uint, (c_void_p,)),
    "fann_get_connection_array": (None, (c_void_p, POINTER(Connection))),
    "fann_create_train": (POINTER(_Data), (c_uint, c_uint, c_uint)),
    "fann_destroy_train": (None, (POINTER(_Data),)),
    "fann_train_epoch": (c_float, (c_void_p, POINTER(_Data))),
    "fann_run": (POINTER(c_float), (c_void_p, POINTER(c_float))),
}


@cache
def load_library() -> Any:
    """Return the library with its functions declared.

    Raises:
        OSError: it is not here.
    """
    library = _found()
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _found() -> ctypes.CDLL:
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return ctypes.CDLL(named)
    found = ctypes.util.find_library("floatfann")
    for name in (found, *FILES):
        if name is not None:
            try:
                return ctypes.CDLL(name)
            except OSError:
                continue
    raise OSError(f"there is no libfloatfann; {ENVIRONMENT_VARIABLE} may name its file")


def network_of(library: Any, task: Task) -> c_void_p:
    """Return a network at the task's initial weights.

    The weights go through FANN's own file: setting them by its function takes time that grows with
    the square of their number, 50 s at 200,000.
    """
    problem = task.problem
    sizes = [size for (size,) in problem.network.shapes]
    made = c_void_p(library.fann_create_standard_array(len(sizes), (c_uint * len(sizes))(*sizes)))
    library.fann_set_activation_function_hidden(made, SIGMOID)
    library.fann_set_activation_function_output(made, SIGMOID)
    library.fann_set_activation_steepness_hidden(made, STEEPNESS)
    library.fann_set_activation_steepness_output(made, STEEPNESS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.net"
        library.fann_save(made, str(path).encode())
        library.fann_destroy(made)
        head, written = path.read_text(encoding="ascii").split(_CONNECTIONS)
        sources = re.findall(r"\((\d+), ", written)
        pairs = zip(sources, _in_order(tensors(problem)), strict=True)
        connections = " ".join(f"({source}, {weight:.9e})" for source, weight in pairs)
        path.write_text(f"{head}{_CONNECTIONS}{connections} \n", encoding="ascii")
        loaded = c_void_p(library.fann_create_from_file(str(path).encode()))
    if not loaded:
        raise OSError("FANN could not read a network that it wrote")
    set_rule(library, loaded, task)
    return loaded


def _in_order(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return weights as FANN keeps them: of each neuron in turn, its bias last."""
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    return np.concatenate([np.column_stack(pair).ravel() for pair in pairs])


def momentum_of(task: Task) -> float:
    """Return the momentum of a task, which trains by SGD."""
    rule = task.problem.optimizer
    assert isinstance(rule, SGD)
    return rule.momentum


def set_rule(library: Any, network: c_void_p, task: Task) -> None:
    """Set the task's rate and momentum, incremental training, and squared error."""
    library.fann_set_training_algorithm(network, INCREMENTAL)
    library.fann_set_train_error_function(network, SQUARED_ERROR)
    # Again, as its file keeps six decimals.
    library.fann_set_learning_rate(network, task.problem.learning_rate)
    library.fann_set_learning_momentum(network, momentum_of(task))
