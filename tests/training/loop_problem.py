"""The small problem that the tests of the loop train on, and an event that stops it."""

import threading

import numpy as np

from samplewise.network import multilayer_perceptron

X = np.random.default_rng(3).standard_normal((50, 4))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int)
NETWORK = multilayer_perceptron(4, (3,), 1)


class StopAfter(threading.Event):
    """Reports itself set from the n-th question on."""

    def __init__(self, questions):
        super().__init__()
        self.left = questions

    def is_set(self):
        self.left -= 1
        return self.left < 0
