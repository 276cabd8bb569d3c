"""A third party's backend in plain Python: linear models with binary cross-entropy."""

import math

import numpy as np

from samplewise.contract import Capabilities, Program


class ToyProgram(Program):
    def __init__(self, network):
        self.layout = network.layout

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
        return X @ weights["0.weight"].T + weights["0.bias"]

    def _batch(self, parameters, X, Y):
        gradient = np.zeros_like(parameters)
        parts = self.layout.views(gradient)
        losses = []
        for x, (y,), (z,) in zip(X, Y, self.predict(parameters, X), strict=True):
            losses.append(max(z, 0.0) + math.log1p(math.exp(-abs(z))) - y * z)
            delta = 1.0 / (1.0 + math.exp(-z)) - y
            parts["0.weight"][0] += delta * x
            parts["0.bias"][0] += delta
        return losses, gradient / len(X)


class ToyBackend:
    name = "toy"
    capabilities = Capabilities(
        layers=frozenset({"dense"}),
        activations=frozenset({"identity"}),
        losses=frozenset({"binary_cross_entropy"}),
        optimizers=frozenset({"sgd"}),
        dtypes=frozenset({"float64"}),
        deterministic=True,
    )

    def compile(self, network, loss, optimizer, dtype, workload=None):
        return ToyProgram(network)


backend = ToyBackend()
