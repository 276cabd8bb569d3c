"""A third party's backend in NumPy: dense layers, one sample at a time."""

import numpy as np

from samplewise.contract import Capabilities, Program


def sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2


def binary_cross_entropy(z, y):
    """Return the loss of one row of logits, and its gradient with respect to them."""
    value = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return value[0], sigmoid(z) - y


def mean_squared_error(z, y):
    return np.mean((z - y) ** 2), 2 * (z - y) / len(z)


# name -> a = f(z), and f'(z) from a.
ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "sigmoid": (sigmoid, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a * a),
}
LOSSES = {
    "binary_cross_entropy": binary_cross_entropy,
    "mean_squared_error": mean_squared_error,
}


class ToyProgram(Program):
    def __init__(self, network, loss):
        self.layout = network.layout
        self.activations = [ACTIVATIONS[layer.activation] for layer in network.layers]
        self.loss = LOSSES[loss.name]

    def run_epoch(self, state, X, Y, steps, losses):
        for first in range(steps.start, steps.stop, steps.batch_size):
            last = min(first + steps.batch_size, steps.stop)
            rows = steps.order[first:last]
            losses[first:last], gradient = self._batch(state.parameters, X[rows], Y[rows])
            state.parameters -= steps.learning_rate * gradient

    def gradients(self, parameters, X, Y):
        losses, gradient = self._batch(parameters, X, Y)
        return float(np.mean(losses, dtype=np.float64)), gradient

    def predict(self, parameters, X):
        weights = self.layout.views(parameters)
        return np.array([self._forward(weights, x)[-1] for x in X])

    def _forward(self, weights, x):
        """Return x and the outputs of every layer."""
        outputs = [x]
        for k, (f, _) in enumerate(self.activations):
            outputs.append(f(weights[f"{k}.weight"] @ outputs[-1] + weights[f"{k}.bias"]))
        return outputs

    def _batch(self, parameters, X, Y):
        """Return the loss of each row, and the gradient of their mean."""
        gradient, losses = np.zeros_like(parameters), []
        weights, sums = self.layout.views(parameters), self.layout.views(gradient)
        for x, y in zip(X, Y, strict=True):
            outputs = self._forward(weights, x)
            loss, da = self.loss(outputs[-1], y)
            losses.append(loss)
            for k in reversed(range(len(self.activations))):
                _, derivative = self.activations[k]
                dz = da * derivative(outputs[k + 1])
                sums[f"{k}.weight"] += np.outer(dz, outputs[k])
                sums[f"{k}.bias"] += dz
                da = weights[f"{k}.weight"].T @ dz
        return losses, gradient / len(X)


class ToyBackend:
    name = "toy"
    capabilities = Capabilities.of(
        layers=["dense"], activations=ACTIVATIONS, losses=LOSSES, optimizers=["sgd"]
    )

    def compile(self, network, loss, optimizer, dtype, workload=None):
        return ToyProgram(network, loss)


backend = ToyBackend()
