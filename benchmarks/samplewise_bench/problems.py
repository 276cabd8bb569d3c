"""Problems: fixed work that every backend, and every other library, can be given alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import PlanSpec, Workload
from samplewise.contract.plan import AUTO_PLAN
from samplewise.data.rows import prepare_rows
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import Prepared, prepare
from samplewise.network import (
    SGD,
    ClassLoss,
    Network,
    Optimizer,
    class_loss_named,
    initialize,
    multilayer_perceptron,
)
from samplewise.streams import Streams
from samplewise.training.rows.targets import prepare_targets

LOSS = "binary_cross_entropy"
CLASSES = ("4", "9")
# Decides the split and the initial parameters of every problem on `report_data`.
SEED = 0
DRAWN_RATE, DRAWN_EPOCHS = 0.1, 10


@dataclass(frozen=True, eq=False)
class TrainingProblem:
    """A network, its initial parameters, the rows it trains on, and the steps.

    Args:
        network, loss, optimizer: as a backend compiles them.
        X: (n, inputs), C-contiguous, of the dtype of the run.
        Y: targets of the same dtype, (n, outputs).
        batch_size: rows of a step, at most n.
        seed: of the initial parameters, and of the orders where rows are shuffled.
        shuffle: take the rows in a new order each epoch, else as they lie.
        test_inputs, test_labels: rows to test on and their class indices; None without a test.
    """

    network: Network
    loss: ClassLoss
    optimizer: Optimizer
    X: NDArray[Any]
    Y: NDArray[Any]
    learning_rate: float
    epochs: int
    batch_size: int = 1
    init: str = "normal"
    seed: int = SEED
    shuffle: bool = False
    test_inputs: NDArray[Any] | None = None
    test_labels: NDArray[np.int64] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of all numbers of the training."""
        return self.X.dtype

    @cached_property
    def parameters(self) -> NDArray[Any]:
        """The initial parameters, flat (P,); copy them before training."""
        stream = Streams(self.seed).of_run("init")
        return initialize(self.network, self.init, stream, self.dtype)

    def tensors(self) -> list[NDArray[Any]]:
        """Return copies of the initial weights: weight (O, I) and bias (O,) of each layer."""
        return [view.copy() for view in self.network.layout.views(self.parameters).values()]

    def flat(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Return arrays, in the order and shapes of `tensors`, as a flat vector (P,)."""
        vector = self.network.layout.zeros(np.float64)
        views = self.network.layout.views(vector).values()
        for view, array in zip(views, arrays, strict=True):
            view[...] = array
        return vector

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of one whole training."""
        return flops_per_sample(self.network) * len(self.X) * self.epochs

    def workload(self, plan: str = AUTO_PLAN, threads: int = 1) -> Workload:
        """Return the announcement of this training that a backend compiles for."""
        sizes = len(self.X), self.batch_size, self.epochs
        asked = PlanSpec.parse("plan", plan).fields()
        return Workload(*sizes, shuffle=self.shuffle, threads=threads, **asked)

    def seeded(self, networks: int) -> tuple[TrainingProblem, ...]:
        """Return as many problems on the same rows, each from other initial parameters."""
        return tuple(dataclasses.replace(self, seed=seed) for seed in range(networks))


def flops_per_sample(network: Network) -> int:
    """Return the floating-point operations of one sample's matrix products in a training step.

    Forward pass, weight gradients and input gradients each take 2 operations a multiply-add; the
    first layer needs no input gradient. Activations, loss and update are not counted.
    """
    first = network.layers[0].multiply_adds(network.shapes[0])
    return 2 * (3 * network.multiply_adds - first)


@cache
def report_data() -> Prepared:
    """Return the report's two classes of the synthetic data, split 80/20 and scaled.

    Drawn once a process; every problem reads the same arrays.
    """
    return prepare(
        Experiment.from_options(
            data="synthetic", classes=CLASSES, preprocess="scale", split=0.2, seed=SEED
        )
    )


def report_problem(
    hidden: int,
    learning_rate: float,
    epochs: int,
    *,
    dtype: str = "float64",
    batch_size: int = 1,
    data: Prepared | None = None,
) -> TrainingProblem:
    """Return the report's network on its two classes, with rows to test on.

    All rows make one batch where there are fewer; without `data` they are those of `report_data`.
    """
    data = data or report_data()
    network = multilayer_perceptron(data.training.features, (hidden,), 1)
    loss = class_loss_named(LOSS)
    X = prepare_rows(data.X, network, dtype)
    _, Y = prepare_targets(data.training.labels, len(X), network, loss, dtype)
    return TrainingProblem(
        network,
        loss,
        SGD(),
        X,
        Y,
        learning_rate,
        epochs,
        min(batch_size, len(X)),
        test_inputs=prepare_rows(data.preprocessing.apply(data.test.X), network, dtype),
        test_labels=data.test.labels,
    )


def drawn_problem(
    network: Network,
    rows: int,
    *,
    epochs: int = DRAWN_EPOCHS,
    batch_size: int = 1,
    optimizer: Optimizer | None = None,
    learning_rate: float = DRAWN_RATE,
    dtype: str = "float32",
    shuffle: bool = False,
) -> TrainingProblem:
    """Return a problem of any size, on rows that are drawn for it.

    The rows are normal and about 1 long whatever their width, and a random linear map decides
    their classes, two for one output of the network: the same rate then trains every size, and none
    saturates or diverges.
    """
    rng = np.random.default_rng(SEED)
    X = prepare_rows(
        rng.standard_normal((rows, network.inputs), dtype=np.float32) / network.inputs**0.5,
        network,
        dtype,
    )
    scores = X @ rng.standard_normal((network.inputs, network.outputs)).astype(dtype)
    binary = network.outputs == 1
    labels = (scores[:, 0] > 0).astype(np.int64) if binary else scores.argmax(axis=1)
    loss = class_loss_named(LOSS if binary else "categorical_cross_entropy")
    _, Y = prepare_targets(labels, rows, network, loss, dtype)
    steps = learning_rate, epochs, batch_size, "glorot_uniform"
    return TrainingProblem(network, loss, optimizer or SGD(), X, Y, *steps, shuffle=shuffle)
