"""One prediction by samplewise, from the program itself to the call that users make."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from samplewise.data.preprocessing import NONE, Preprocessing
from samplewise.model import Model
from samplewise.network import aligned_zeros
from samplewise.registry import load
from samplewise_bench.peers.task import Calls, Outcome, Task, predicted


class ProgramCall(Calls):
    """What a program prepares for the same row again and again; it gives logits."""

    def __init__(self, task: Task, backend: str, dtype: str = "float32") -> None:
        self._task, problem = task, task.problem
        began = time.perf_counter()
        parts = problem.network, problem.loss, problem.optimizer, np.dtype(dtype)
        program = load(backend).compile(*parts)
        program.warm_up()
        row = aligned_zeros(problem.network.inputs, dtype).reshape(1, -1)
        row[...] = problem.X[:1]
        self._predict, self._logits = program.predictor(problem.weights.astype(dtype), row)
        self._predict()
        self.compile_s = time.perf_counter() - began

    def run(self) -> None:
        """Call as often as the task says."""
        predict = self._predict
        for _ in range(self._task.calls):
            predict()

    def outcome(self) -> Outcome:
        """Return the probabilities."""
        return predicted(self._task.problem, self._logits)


class PredictorCall(Calls):
    """`Model.predictor`, made once; it gives probabilities."""

    def __init__(self, task: Task, backend: str) -> None:
        began = time.perf_counter()
        self._task, self._row = task, task.problem.X[0].copy()
        self._call: Any = model_of(task, backend).predictor()
        self._call(self._row)
        self.compile_s = time.perf_counter() - began

    def run(self) -> None:
        """Call as often as the task says."""
        call, row = self._call, self._row
        for _ in range(self._task.calls):
            self._probabilities = call(row)

    def outcome(self) -> Outcome:
        """Return the probabilities."""
        return _shown(self._probabilities, self._task)


class ModelCall(PredictorCall):
    """`Model.probabilities`, which takes any number of rows."""

    def __init__(self, task: Task, backend: str) -> None:
        began = time.perf_counter()
        self._task, self._row = task, task.problem.X[:1].copy()
        self._call = model_of(task, backend).probabilities
        self._call(self._row)
        self.compile_s = time.perf_counter() - began

    def outcome(self) -> Outcome:
        """Return the probabilities."""
        return _shown(self._probabilities[0], self._task)


PREDICTIONS = {
    "program": ProgramCall,
    "Model.predictor": PredictorCall,
    "Model.probabilities": ModelCall,
}


def model_of(task: Task, backend: str) -> Model:
    """Return the task's network at its initial weights as a model."""
    problem = task.problem
    names = tuple(map(str, range(max(problem.network.outputs, 2))))
    given = problem.network, problem.loss, problem.weights, names, Preprocessing(NONE)
    return Model(*given, None, "a benchmark", backend)


def _shown(probabilities: Any, task: Task) -> Outcome:
    # Of two classes told by one output, that of the second.
    of_outputs = np.asarray(probabilities, np.float64)[-task.problem.network.outputs :]
    return Outcome(np.empty((1, 0)), of_outputs[None])
