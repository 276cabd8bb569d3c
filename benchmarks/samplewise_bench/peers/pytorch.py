"""PyTorch: `nn.Sequential`, a loss, an optimizer, a loop over batches; as it comes, and compiled.

Adam is its fused one, and subnormal numbers are flushed: both are faster than the defaults. Without
autograd, `pytorch_by_hand` is faster again. `torch.compile` needs a C++ compiler, and keeps what it
compiled for later processes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from samplewise.network import SGD, Adam, Conv2D, Dense, MaxPool2D
from samplewise_bench.peers import pytorch_by_hand
from samplewise_bench.peers.task import (
    CONVOLUTIONAL,
    SGD_FAMILY,
    Calls,
    NotApplicableError,
    Outcome,
    Runner,
    Task,
    flat,
    only,
    probabilities,
    single,
    tensors,
)

EAGER, COMPILED, BY_HAND = "eager", "compile", "by hand"
ACTIVATIONS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "ReLU"}


install = "pip install torch==2.13.0"


def load(cores: int) -> str:
    """Import torch, with one thread a core."""
    # Its compiling processes would outlive this one.
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    import torch

    torch.set_num_threads(cores)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    return str(torch.__version__)


def ways(task: Task) -> Sequence[str]:
    """Return "eager" and "compile", and "by hand" where that is written."""
    only(task, "PyTorch", CONVOLUTIONAL, (*SGD_FAMILY, "adam"))
    single(task, "PyTorch")
    try:
        pytorch_by_hand.check(task)
    except NotApplicableError:
        return [EAGER, COMPILED]
    return [EAGER, COMPILED] if task.calls else [EAGER, COMPILED, BY_HAND]


def prepare(task: Task, way: str) -> Runner:
    """Build the module."""
    import torch

    if way == BY_HAND:
        return pytorch_by_hand.ByHandTraining(task)
    if not task.calls:
        return PyTorchTraining(task, compiled=way == COMPILED)
    shape = task.problem.network.input_shape
    row = torch.from_numpy(task.problem.X[:1].copy().reshape(1, *shape))
    shown = partial(probabilities, task.problem)
    network = torch.compile(module(task)) if way == COMPILED else module(task)
    compile_s = 0.0 if way == COMPILED else None
    return Calls(task, partial(network, row), shown, compile_s, around=torch.inference_mode)


def module(task: Task) -> Any:
    """Return the network as `nn.Sequential`, at its initial weights."""
    from torch import nn

    network, parts = task.problem.network, []
    for layer, before in zip(network.layers, network.shapes, strict=False):
        match layer:
            case Conv2D():
                assert layer.padding == "valid"
                parts.append(nn.Conv2d(before[0], layer.filters, layer.kernel, layer.stride))
            case MaxPool2D():
                parts.append(nn.MaxPool2d(layer.size, layer.step))
            case Dense():
                parts += [nn.Flatten()] if len(before) > 1 else []
                parts.append(nn.Linear(math.prod(before), layer.units))
        if layer.activation in ACTIVATIONS:
            parts.append(getattr(nn, ACTIVATIONS[layer.activation])())
    built = nn.Sequential(*parts)
    _set_weights(built, task)
    return built


def _set_weights(built: Any, task: Task) -> None:
    import torch

    with torch.no_grad():
        for parameter, values in zip(built.parameters(), tensors(task.problem), strict=True):
            parameter.copy_(torch.from_numpy(values))


class PyTorchTraining(Runner):
    """All epochs, with the loss of each batch read, as training loops do.

    Args:
        task: of one network.
        compiled: make one function of network and loss.
    """

    def __init__(self, task: Task, *, compiled: bool = False) -> None:
        import torch

        self._task, problem = task, task.problem
        binary = problem.network.outputs == 1
        self._module = module(task)
        loss = torch.nn.BCEWithLogitsLoss() if binary else torch.nn.CrossEntropyLoss()

        def forward(x: Any, y: Any) -> Any:
            return loss(self._module(x), y)

        self._forward = torch.compile(forward) if compiled else forward
        # Its first run compiles.
        self.compile_s = 0.0 if compiled else None
        X = torch.from_numpy(problem.X.reshape(-1, *problem.network.input_shape))
        # Class indices are the faster of the two targets that CrossEntropyLoss takes.
        Y = torch.from_numpy(problem.Y) if binary else torch.from_numpy(task.labels)
        self._X, self._Y = X.split(problem.batch_size), Y.split(problem.batch_size)
        self.reset()

    def reset(self) -> None:
        import torch

        rule, rate = self._task.problem.optimizer, self._task.problem.learning_rate
        _set_weights(self._module, self._task)
        if isinstance(rule, Adam):
            betas = rule.beta1, rule.beta2
            self._optimizer: Any = torch.optim.Adam(
                self._module.parameters(), rate, betas, rule.epsilon, fused=True
            )
            return
        assert isinstance(rule, SGD)
        weights = [p for p in self._module.parameters() if p.dim() > 1]
        biases = [p for p in self._module.parameters() if p.dim() == 1]
        groups = [{"params": weights, "weight_decay": rule.l2}, {"params": biases}]
        self._optimizer = torch.optim.SGD(
            # A second group costs time, and is needed for a penalty on weights alone.
            groups if rule.l2 else self._module.parameters(),
            lr=rate,
            momentum=rule.momentum,
            nesterov=rule.nesterov,
        )

    def run(self) -> None:
        optimizer, rows = self._optimizer, len(self._task.problem.X)
        self._losses = []
        for _ in range(self._task.problem.epochs):
            total = 0.0
            for x, y in zip(self._X, self._Y, strict=True):
                optimizer.zero_grad()
                loss = self._forward(x, y)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(x)
            self._losses.append(total / rows)

    def outcome(self) -> Outcome:
        arrays = [parameter.detach().numpy() for parameter in self._module.parameters()]
        return Outcome(np.array([self._losses]), flat(self._task.problem, arrays)[None])
