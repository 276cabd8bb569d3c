"""The report's rows as problems: fixed work, ready to be trained any number of times."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import numpy as np

from samplewise import registry
from samplewise.contract import TrainingState
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import Prepared, prepare
from samplewise.network import (
    SGD,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.report.published import CLASSES, PublishedRow
from samplewise.streams import Streams
from samplewise.training import batches, inputs
from samplewise.training.metrics import accuracy

LOSS = "binary_cross_entropy"
# Decides the cut and the weights of every row, so that rows differ by their settings alone.
SEED = 0


@dataclass(frozen=True)
class Run:
    """One timed training from fresh weights.

    Args:
        seconds: wall time of the training steps alone.
        first_loss, final_loss: of the first and the last epoch.
        accuracy: on the test rows, in [0, 1].
    """

    seconds: float
    first_loss: float
    final_loss: float
    accuracy: float


@cache
def report_data() -> Prepared:
    """Return the report's two classes of the synthetic data, cut 80/20 and scaled.

    Drawn once a process; every problem reads the same arrays.
    """
    return prepare(
        Experiment(data="synthetic", classes=CLASSES, preprocess="scale", split=0.2, seed=SEED)
    )


def flops_per_sample(network: Network) -> int:
    """Return the floating-point operations of one sample's matrix products in a training step.

    Forward pass, weight gradients and input gradients each take 2 operations a multiply-add; the
    first layer needs no input gradient. Activations, loss and update are not counted.
    """
    first = network.layers[0].multiply_adds(network.shapes[0])
    return 2 * (3 * network.multiply_adds - first)


class Problem:
    """A row of the report on one backend: compiled, warmed up, with fresh weights at hand.

    Args:
        row: what to train.
        backend: a backend's name.
        dtype: "float64" or "float32".
        batch_size: rows of a step.
        data: training and test rows; None means `report_data()`.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """

    def __init__(
        self,
        row: PublishedRow,
        backend: str,
        dtype: str = "float64",
        batch_size: int = 1,
        data: Prepared | None = None,
    ) -> None:
        data = data or report_data()
        self.row, self.dtype = row, np.dtype(dtype)
        self.network = multilayer_perceptron(data.training.features, (row.hidden,), 1)
        self.loss = loss_named(LOSS)
        self.X = inputs.prepare_rows(data.X, self.network, self.dtype)
        self.batch_size = min(batch_size, len(self.X))
        _, self.Y = inputs.prepare_targets(
            data.training.labels, len(self.X), self.network, self.loss, self.dtype
        )
        self.test_labels = data.test.labels
        self.test_X = inputs.prepare_rows(
            data.preprocessing.apply(data.test.X), self.network, self.dtype
        )
        self.order = batches.fixed_order(len(self.X))
        self.weights = initialize(
            self.network, "normal", Streams(SEED).generator("init"), self.dtype
        )
        choice = registry.resolve(backend, self.network, self.loss, SGD(), self.dtype)
        self.backend = choice.backend.name
        self.program = choice.backend.compile(self.network, self.loss, SGD(), self.dtype)
        self.program.warm_up()

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of one whole training."""
        return flops_per_sample(self.network) * len(self.X) * self.row.epochs

    def fresh_state(self, *, nudged: bool = False) -> TrainingState:
        """Return a state at the initial weights, each moved by one ulp where `nudged`."""
        parameters = aligned_zeros(len(self.weights), self.dtype)
        parameters[...] = np.nextafter(self.weights, np.inf) if nudged else self.weights
        return TrainingState(parameters, aligned_zeros(SGD().slots * len(parameters), self.dtype))

    def train(self, state: TrainingState) -> tuple[float, float, float]:
        """Run all epochs, in the stretches that training uses.

        Returns:
            Seconds spent in the program, and the mean losses of the first and the last epoch.
        """
        losses = np.ones(len(self.X), dtype=self.dtype)
        seconds, means = 0.0, []
        length = batches.stretch_samples(self.network, self.program.plan)
        for _ in range(self.row.epochs):
            for steps in batches.stretches(
                self.order, self.batch_size, self.row.learning_rate, length
            ):
                began = time.perf_counter()
                self.program.run_epoch(state, self.X, self.Y, steps, losses)
                seconds += time.perf_counter() - began
            means.append(float(losses.mean(dtype=np.float64)))
        return seconds, means[0], means[-1]

    def test_accuracy(self, state: TrainingState) -> float:
        """Return the share of test rows that the trained network gets right."""
        logits = self.program.predict(state.parameters, self.test_X)
        predicted = self.loss.probabilities(logits).argmax(axis=1)
        return accuracy(self.test_labels, predicted)

    def run_once(self, *, nudged: bool = False) -> Run:
        """Train once from fresh weights and test."""
        state = self.fresh_state(nudged=nudged)
        seconds, first_loss, final_loss = self.train(state)
        return Run(seconds, first_loss, final_loss, self.test_accuracy(state))
