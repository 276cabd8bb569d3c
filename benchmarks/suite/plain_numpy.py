"""The report's formulas as a plain loop, as its authors would write it: our measure of overhead.

The reference backend does the same work behind an interface. It must stay within 1.3 times this.
"""

from __future__ import annotations

import time

import numpy as np

from samplewise_bench.training import Training


def sigmoid(z):
    """1 / (1 + exp(-z)), as the report has it."""
    return 1 / (1 + np.exp(-z))


def train(X, Y, W1, b1, W2, b2, learning_rate, epochs):
    """Algorithm 1 of the report; updates the weights in place, and returns each epoch's mean loss.

    X is (n, inputs), Y is 0 or 1 in (n, 1), W1 (H, inputs), b1 (H,), W2 (1, H), b2 (1,).
    """
    history = []
    for _ in range(epochs):
        total = 0.0
        for x, y in zip(X, Y, strict=True):
            a1 = sigmoid(W1 @ x + b1)
            p = sigmoid(W2 @ a1 + b2)
            clipped = np.clip(p, 1e-15, 1 - 1e-15)
            total += -(y * np.log(clipped) + (1 - y) * np.log(1 - clipped))[0]
            d2 = p - y
            d1 = (W2.T @ d2) * a1 * (1 - a1)
            W2 -= learning_rate * np.outer(d2, a1)
            b2 -= learning_rate * d2
            W1 -= learning_rate * np.outer(d1, x)
            b1 -= learning_rate * d1
        history.append(float(total / len(X)))
    return history


class PlainLoop(Training):
    """A problem of batch size 1 that the plain loop trains, from the same parameters."""

    def train(self, states):
        """Run all epochs; return seconds, and the mean loss of each epoch, (1, epochs)."""
        problem = self.problem
        weights = problem.network.layout.views(states[0].parameters).values()
        began = time.perf_counter()
        losses = train(problem.X, problem.Y, *weights, problem.learning_rate, problem.epochs)
        return time.perf_counter() - began, np.array([losses])
