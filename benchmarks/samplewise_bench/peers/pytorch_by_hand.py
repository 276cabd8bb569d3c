"""PyTorch without autograd: the backward pass by hand, on weights that are updated in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from samplewise.network import SGD, Adam
from samplewise_bench.peers.task import DENSE, Outcome, Runner, Task, flat, only, tensors


def check(task: Task) -> None:
    """Refuse what is not written here.

    Raises:
        NotApplicableError: a layer or update rule.
    """
    only(task, "PyTorch by hand", DENSE, ("sgd", "momentum", "adam"))


class ByHandTraining(Runner):
    """All epochs in inference mode; the losses stay tensors until an epoch ends."""

    def __init__(self, task: Task) -> None:
        import torch

        self._task, problem = task, task.problem
        self._activations = [layer.activation for layer in problem.network.layers]
        X, Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
        self._batches = list(
            zip(X.split(problem.batch_size), Y.split(problem.batch_size), strict=True)
        )
        self.reset()

    def reset(self) -> None:
        import torch

        arrays = [torch.from_numpy(array) for array in tensors(self._task.problem)]
        self._arrays = arrays
        self._layers = list(zip(arrays[::2], arrays[1::2], self._activations, strict=True))
        self._slots = [(torch.zeros_like(array), torch.zeros_like(array)) for array in arrays]
        self._t = 0

    def run(self) -> None:
        import torch

        self._losses = []
        with torch.inference_mode():
            for _ in range(self._task.problem.epochs):
                total = torch.zeros(())
                for x, y in self._batches:
                    total += self._step(x, y)
                self._losses.append(total.item() / len(self._task.problem.X))

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
        rule, rate = self._task.problem.optimizer, self._task.problem.learning_rate
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

    def outcome(self) -> Outcome:
        arrays = [array.numpy() for array in self._arrays]
        return Outcome(np.array([self._losses]), flat(self._task.problem, arrays)[None])


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
