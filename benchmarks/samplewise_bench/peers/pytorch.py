"""PyTorch: as it comes, compiled, and with the backward pass by hand.

`eager` is `nn.Sequential`, a loss, an optimizer and a loop over batches; `compile` has one compiled
function of network and loss, which needs a C++ compiler and is kept for later processes; `by hand`
is faster again, without autograd. Adam is the fused one, and subnormal numbers are flushed: both
are faster than the defaults.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from samplewise.network import SGD, Adam, Conv2D, Dense, MaxPool2D
from samplewise_bench.peers import task as tasks
from samplewise_bench.peers.task import Calls, NotApplicableError, OneTraining, Runner, Task

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
    task.require("PyTorch", tasks.CONVOLUTIONAL, (*tasks.SGD_FAMILY, "adam"))
    try:
        task.require("PyTorch by hand", tasks.DENSE, ("sgd", "momentum", "adam"))
    except NotApplicableError:
        return [EAGER, COMPILED]
    return [EAGER, COMPILED] if task.calls else [EAGER, COMPILED, BY_HAND]


def prepare(task: Task, way: str) -> Runner:
    """Build the module."""
    import torch

    if way == BY_HAND:
        return ByHandTraining(task)
    if not task.calls:
        return PyTorchTraining(task, compiled=way == COMPILED)
    shape = task.problem.network.input_shape
    row = torch.from_numpy(task.problem.X[:1].copy().reshape(1, *shape))
    network = torch.compile(module(task)) if way == COMPILED else module(task)
    compile_s = 0.0 if way == COMPILED else None
    call, around = partial(network, row), torch.inference_mode
    return Calls(task, call, logits=True, compile_s=compile_s, around=around)


def module(task: Task) -> Any:
    """Return the network as `nn.Sequential`, at its initial weights."""
    from torch import nn

    network, parts = task.problem.network, []
    for layer, before in network.layers_and_inputs:
        match layer:
            case Conv2D():
                (above, below), (left, right) = layer.pads(before)
                assert above == below
                assert left == right
                sizes = before[0], layer.filters, layer.kernel, layer.stride
                parts.append(nn.Conv2d(*sizes, (above, left)))
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
        for parameter, values in zip(built.parameters(), task.problem.tensors(), strict=True):
            parameter.copy_(torch.from_numpy(values))


class PyTorchTraining(OneTraining):
    """All epochs, with the loss of each batch read, as training loops do."""

    def __init__(self, task: Task, *, compiled: bool = False) -> None:
        import torch

        super().__init__(task)
        problem = self.problem
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
        from torch import optim

        rule, rate = self.problem.optimizer, self.problem.learning_rate
        _set_weights(self._module, self.task)
        parameters = list(self._module.parameters())
        if isinstance(rule, Adam):
            betas = rule.beta1, rule.beta2
            self._optimizer: Any = optim.Adam(parameters, rate, betas, rule.epsilon, fused=True)
            return
        assert isinstance(rule, SGD)
        decayed = {"params": parameters[::2], "weight_decay": rule.l2}
        # A second group costs time, and is needed for a penalty on weights alone.
        groups = [decayed, {"params": parameters[1::2]}] if rule.l2 else parameters
        self._optimizer = optim.SGD(groups, lr=rate, momentum=rule.momentum, nesterov=rule.nesterov)

    def run(self) -> None:
        optimizer, rows = self._optimizer, len(self.problem.X)
        self.losses = []
        for _ in range(self.problem.epochs):
            total = 0.0
            for x, y in zip(self._X, self._Y, strict=True):
                optimizer.zero_grad()
                loss = self._forward(x, y)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(x)
            self.losses.append(total / rows)

    def arrays(self) -> list[Any]:
        return [parameter.detach().numpy() for parameter in self._module.parameters()]


class ByHandTraining(OneTraining):
    """All epochs in inference mode; the losses stay tensors until an epoch ends."""

    def __init__(self, task: Task) -> None:
        import torch

        super().__init__(task)
        self._activations = [layer.activation for layer in self.problem.network.layers]
        rows = torch.from_numpy(self.problem.X), torch.from_numpy(self.problem.Y)
        X, Y = (part.split(self.problem.batch_size) for part in rows)
        self._batches = list(zip(X, Y, strict=True))
        self.reset()

    def reset(self) -> None:
        import torch

        self._arrays = arrays = [torch.from_numpy(array) for array in self.problem.tensors()]
        self._layers = list(zip(arrays[::2], arrays[1::2], self._activations, strict=True))
        self._slots = [(torch.zeros_like(array), torch.zeros_like(array)) for array in arrays]
        self._t = 0

    def run(self) -> None:
        import torch

        self.losses = []
        with torch.inference_mode():
            for _ in range(self.problem.epochs):
                total = torch.zeros(())
                for x, y in self._batches:
                    total += self._step(x, y)
                self.losses.append(total.item() / len(self.problem.X))

    def _step(self, x: Any, y: Any) -> Any:
        """Update the weights by one batch; return the sum of its losses."""
        import torch

        values = [x]
        for weight, bias, activation in self._layers:
            z = torch.addmm(bias, values[-1], weight.T)
            values.append(z if activation == "identity" else getattr(torch, activation)(z))
        loss, dz = _loss(values.pop(), y)
        gradients: list[Any] = []
        for index in range(len(self._layers) - 1, -1, -1):
            gradients += [dz.sum(0), dz.T @ values[index]]
            if index:
                weight, activation = self._layers[index][0], self._layers[index - 1][2]
                dz = (dz @ weight) * _derivative(activation, values[index])
        self._update(gradients[::-1])
        return loss

    def _update(self, gradients: list[Any]) -> None:
        rule, rate = self.problem.optimizer, self.problem.learning_rate
        self._t += 1
        for array, gradient, (m, v) in zip(self._arrays, gradients, self._slots, strict=True):
            if isinstance(rule, Adam):
                m.lerp_(gradient, 1 - rule.beta1)
                v.mul_(rule.beta2).addcmul_(gradient, gradient, value=1 - rule.beta2)
                root = (v / (1 - rule.beta2**self._t)).sqrt_().add_(rule.epsilon)
                array.addcdiv_(m, root, value=-rate / (1 - rule.beta1**self._t))
                continue
            assert isinstance(rule, SGD)
            if rule.momentum:
                gradient = m.mul_(rule.momentum).add_(gradient)
            array.sub_(gradient, alpha=rate)

    def arrays(self) -> list[Any]:
        return [array.numpy() for array in self._arrays]


def _loss(z: Any, y: Any) -> tuple[Any, Any]:
    """Return the sum of the losses of a batch, and the gradient of its mean by the logits."""
    import torch
    from torch.nn import functional

    if y.shape[1] == 1:
        loss = functional.binary_cross_entropy_with_logits(z, y, reduction="sum")
        return loss, (torch.sigmoid(z) - y) / len(y)
    return functional.cross_entropy(z, y, reduction="sum"), (torch.softmax(z, 1) - y) / len(y)


def _derivative(activation: str, a: Any) -> Any:
    """Return the derivative of an activation by its value."""
    match activation:
        case "sigmoid":
            return a * (1 - a)
        case "tanh":
            return 1 - a * a
        case "relu":
            return a > 0
    return 1.0
