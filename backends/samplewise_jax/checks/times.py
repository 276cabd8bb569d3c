"""Times of five works by backends and devices, in turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from samplewise import TrainingSettings, train
from samplewise.network import SGD, Adam, Network, Optimizer, multilayer_perceptron
from samplewise.network.layer_spec import layers_from

ROUNDS = 5
SMALL_CNN = "conv 8x3 relu, pool 2, conv 16x3 relu, pool 2, dense 10"
# A backend and its device.
Column = tuple[str, str]


@dataclass(frozen=True)
class Work:
    """A network and how it is trained, on rows of noise in float32."""

    name: str
    network: Network
    optimizer: Optimizer
    batch_size: int
    rows: int

    def epoch_ms(self, column: Column) -> float:
        """Return the wall time of the steps of an epoch, the second of a training, in ms."""
        backend, device = column
        settings = TrainingSettings(
            epochs=2,
            learning_rate=0.001,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            init="lecun_normal",
            dtype="float32",
            track_accuracy=False,
            backend=backend,
            device=device,
        )
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, *self.network.input_shape), np.float32)
        labels = np.arange(self.rows) % self.network.outputs
        found = train(self.network, X, labels, settings).history.epochs[1].train_ms
        assert found is not None, "one network has a time of its own"
        return found


WORKS = (
    Work("784-10-10, batch 1", multilayer_perceptron(784, 10, 10), SGD(), 1, 800),
    Work("784-128-10, batch 32", multilayer_perceptron(784, 128, 10, "relu"), Adam(), 32, 3200),
    Work(
        "784-512-512-10, batch 256", multilayer_perceptron(784, (512, 512), 10), Adam(), 256, 4096
    ),
    Work("small CNN, batch 32", Network((1, 28, 28), layers_from(SMALL_CNN)), SGD(0.9), 32, 640),
    Work("small CNN, batch 256", Network((1, 28, 28), layers_from(SMALL_CNN)), Adam(), 256, 1024),
)


def times(columns: Sequence[Column]) -> Iterator[tuple[str, Mapping[Column, list[float]]]]:
    """Yield each work with the sorted times of each column in ms, one a round."""
    for work in WORKS:
        found: dict[Column, list[float]] = {column: [] for column in columns}
        for column in columns:
            work.epoch_ms(column)
        for _ in range(ROUNDS):
            for column in columns:
                found[column].append(work.epoch_ms(column))
        yield work.name, {column: sorted(each) for column, each in found.items()}


def cell(found: Sequence[float]) -> str:
    """Return the median of sorted times, and the range, in words."""
    return f"{median(found):.1f} ({found[0]:.1f} to {found[-1]:.1f})"
