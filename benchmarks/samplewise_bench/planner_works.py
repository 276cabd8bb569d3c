"""The works that the planner is judged by: shapes, batches and optimizers of many kinds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samplewise.contract import Workload
from samplewise.network import SGD, multilayer_perceptron
from samplewise_bench.problems import Problem, drawn_problem


@dataclass(frozen=True)
class Work:
    """A network and how it is trained."""

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    rows: int
    batch_size: int = 1
    epochs: int = 10
    momentum: float = 0.0
    l2: float = 0.0
    dtype: str = "float32"
    shuffle: bool = False

    def __str__(self) -> str:
        sizes = "-".join(map(str, (self.inputs, *self.hidden, self.outputs)))
        parts = [f"{sizes}, {self.rows} rows by {self.batch_size}, {self.epochs} epochs"]
        parts += [f"momentum {self.momentum}"] if self.momentum else []
        parts += [f"l2 {self.l2}"] if self.l2 else []
        parts += [self.dtype] if self.dtype != "float32" else []
        return ", ".join(parts + (["shuffled"] if self.shuffle else []))

    @property
    def optimizer(self) -> SGD:
        """The update rule."""
        return SGD(self.momentum, l2=self.l2)

    def problem(self) -> Problem:
        """Return the work on rows that are drawn anew."""
        return drawn_problem(
            multilayer_perceptron(self.inputs, self.hidden, self.outputs),
            self.rows,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            dtype=self.dtype,
        )

    def workload(self, plan: str) -> Workload:
        """Return what a backend is told of it."""
        batch_size = min(self.batch_size, self.rows)
        return Workload(self.rows, batch_size, self.epochs, self.shuffle, plan)

    def orders(self) -> list[np.ndarray]:
        """Return the orders of the epochs, fresh arrays that no program has seen."""
        rng = np.random.default_rng(0)
        if not self.shuffle:
            return [np.arange(self.rows)] * self.epochs
        return [rng.permutation(self.rows) for _ in range(self.epochs)]


DOUBLE = "float64"
WORKS = (
    Work(784, (10,), 1, 800),
    Work(784, (10,), 1, 800, dtype=DOUBLE),
    Work(784, (60,), 1, 800),
    Work(784, (256,), 1, 800),
    Work(784, (10,), 1, 800, 32),
    Work(784, (10,), 1, 800, 64, dtype=DOUBLE),
    Work(784, (128,), 10, 800, momentum=0.9),
    Work(784, (128,), 10, 800, 16, momentum=0.9),
    Work(20_000, (32,), 1, 500, epochs=20),
    Work(20_000, (32,), 1, 500, epochs=1),
    Work(5_000, (64,), 10, 200, epochs=50),
    Work(2_000, (16,), 1, 1_000, epochs=5),
    Work(2_000, (16,), 1, 300, epochs=50),
    Work(8, (1,), 1, 50, epochs=1),
    Work(8, (4,), 1, 50, epochs=50),
    Work(30, (16,), 1, 569),
    Work(64, (32,), 10, 1_797),
    Work(64, (32,), 10, 1_797, 16),
    Work(4, (10,), 3, 150, epochs=50),
    Work(784, (1,), 1, 800),
    Work(784, (2,), 1, 800),
    Work(784, (4,), 1, 800, dtype=DOUBLE),
    Work(784, (16, 16), 1, 800),
    Work(784, (128, 32), 10, 800, 16),
    Work(784, (128, 32), 10, 1_000),
    Work(784, (64, 64, 64), 10, 800, 8),
    Work(784, (512,), 10, 400),
    Work(784, (512,), 10, 400, 64),
    Work(3_000, (128,), 1, 400, 4),
    Work(3_000, (128,), 10, 400, momentum=0.9),
    Work(100, (256,), 10, 1_000),
    Work(100, (256,), 10, 1_000, 64),
    Work(1_024, (100,), 1, 5_000, epochs=3),
    Work(784, (10,), 1, 5_000, epochs=3),
    Work(784, (60,), 10, 2_000, shuffle=True),
    Work(784, (10,), 1, 800, shuffle=True),
    Work(784, (10,), 1, 800, momentum=0.9),
    Work(784, (10,), 1, 800, l2=1e-4),
    Work(784, (60,), 1, 800, 32, l2=1e-4, dtype=DOUBLE),
    Work(20_000, (8,), 1, 100, dtype=DOUBLE),
    Work(20_000, (256,), 10, 200, epochs=5),
    Work(1_500, (32,), 10, 1_000, 16, epochs=30, momentum=0.9),
    Work(500, (10,), 1, 1_000, epochs=50),
    Work(500, (300,), 1, 300, epochs=50, dtype=DOUBLE),
    Work(10_000, (4,), 1, 400, epochs=5, shuffle=True),
    Work(256, (64,), 10, 3_000, 8, momentum=0.9, dtype=DOUBLE),
    Work(784, (32,), 1, 800, 4),
    Work(784, (512,), 1, 50, epochs=1, dtype=DOUBLE),
    Work(13, (32, 16), 1, 506, 8, momentum=0.9, epochs=50),
    Work(3_072, (100,), 10, 1_000, 32, epochs=5),
    Work(200, (512,), 2, 600, 16, l2=1e-4),
    Work(1_200, (48,), 5, 700, 2, momentum=0.5, dtype=DOUBLE),
)
