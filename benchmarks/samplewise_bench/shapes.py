"""Named shapes of networks and batches, and those that the planner is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samplewise.network import SGD, Adam, Network, Optimizer, RMSprop, multilayer_perceptron
from samplewise.network.layer_spec import layers_from
from samplewise_bench.problems import DRAWN_EPOCHS, DRAWN_RATE, TrainingProblem, drawn_problem

SINGLE, DOUBLE = "float32", "float64"


@dataclass(frozen=True)
class Shape:
    """A network, its name, and how it is fed; the rows are drawn."""

    name: str
    network: Network
    rows: int
    batch_size: int
    epochs: int
    optimizer: Optimizer
    learning_rate: float = DRAWN_RATE
    dtype: str = SINGLE
    shuffle: bool = False

    def __str__(self) -> str:
        parts = [f"{self.name}, {self.rows} rows by {self.batch_size}, {self.epochs} epochs"]
        parts += [*self.optimizer.words, *([self.dtype] if self.dtype != SINGLE else [])]
        return ", ".join(parts + (["shuffled"] if self.shuffle else []))

    def problem(self) -> TrainingProblem:
        """Return the shape as a problem, on rows that are drawn anew."""
        fed = {name: value for name, value in vars(self).items() if name != "name"}
        return drawn_problem(**fed)


def perceptron(
    inputs: int,
    hidden: tuple[int, ...],
    outputs: int,
    rows: int = 800,
    batch_size: int = 1,
    *,
    epochs: int = DRAWN_EPOCHS,
    momentum: float = 0.0,
    l2: float = 0.0,
    **others: Any,
) -> Shape:
    """Return a shape of dense layers; `others` are fields of `Shape`."""
    name = "-".join(map(str, (inputs, *hidden, outputs)))
    network = multilayer_perceptron(inputs, hidden, outputs)
    return Shape(name, network, rows, batch_size, epochs, SGD(momentum, l2=l2), **others)


def layered(
    layers: str,
    sample: tuple[int, ...] = (1, 28, 28),
    rows: int = 320,
    batch_size: int = 32,
    epochs: int = 2,
    optimizer: Optimizer | None = None,
    **others: Any,
) -> Shape:
    """Return a shape of any layers on images or rows of numbers; `others` are fields of `Shape`."""
    name = f"{layers} on {'x'.join(map(str, sample))}"
    network, rate = Network(sample, layers_from(layers)), 0.01
    return Shape(name, network, rows, batch_size, epochs, optimizer or SGD(), rate, **others)


# Hidden units, outputs and momentum: the report's network, wider ones, ten classes with momentum.
LAYERS = ((10, 1, 0.0), (60, 1, 0.0), (256, 1, 0.0), (128, 10, 0.9))
BATCH_SIZES = (1, 16, 32)
WIDE = "wide 500x20000-32-1, batch 1"
"""More inputs than rows, as a gene chip gives."""

SHAPES = {
    f"784-{hidden}-{outputs}, batch {batch_size}": perceptron(
        784, (hidden,), outputs, batch_size=batch_size, momentum=momentum
    )
    for hidden, outputs, momentum in LAYERS
    for batch_size in BATCH_SIZES
} | {WIDE: perceptron(20_000, (32,), 1, rows=500, epochs=20)}

JUDGED = (
    perceptron(784, (10,), 1, 800),
    perceptron(784, (10,), 1, 800, dtype=DOUBLE),
    perceptron(784, (60,), 1, 800),
    perceptron(784, (256,), 1, 800),
    perceptron(784, (10,), 1, 800, 32),
    perceptron(784, (10,), 1, 800, 64, dtype=DOUBLE),
    perceptron(784, (128,), 10, 800, momentum=0.9),
    perceptron(784, (128,), 10, 800, 16, momentum=0.9),
    perceptron(20_000, (32,), 1, 500, epochs=20),
    perceptron(20_000, (32,), 1, 500, epochs=1),
    perceptron(5_000, (64,), 10, 200, epochs=50),
    perceptron(2_000, (16,), 1, 1_000, epochs=5),
    perceptron(2_000, (16,), 1, 300, epochs=50),
    perceptron(8, (1,), 1, 50, epochs=1),
    perceptron(8, (4,), 1, 50, epochs=50),
    perceptron(30, (16,), 1, 569),
    perceptron(64, (32,), 10, 1_797),
    perceptron(64, (32,), 10, 1_797, 16),
    perceptron(4, (10,), 3, 150, epochs=50),
    perceptron(784, (1,), 1, 800),
    perceptron(784, (2,), 1, 800),
    perceptron(784, (4,), 1, 800, dtype=DOUBLE),
    perceptron(784, (16, 16), 1, 800),
    perceptron(784, (128, 32), 10, 800, 16),
    perceptron(784, (128, 32), 10, 1_000),
    perceptron(784, (64, 64, 64), 10, 800, 8),
    perceptron(784, (512,), 10, 400),
    perceptron(784, (512,), 10, 400, 64),
    perceptron(3_000, (128,), 1, 400, 4),
    perceptron(3_000, (128,), 10, 400, momentum=0.9),
    perceptron(100, (256,), 10, 1_000),
    perceptron(100, (256,), 10, 1_000, 64),
    perceptron(1_024, (100,), 1, 5_000, epochs=3),
    perceptron(784, (10,), 1, 5_000, epochs=3),
    perceptron(784, (60,), 10, 2_000, shuffle=True),
    perceptron(784, (10,), 1, 800, shuffle=True),
    perceptron(784, (10,), 1, 800, momentum=0.9),
    perceptron(784, (10,), 1, 800, l2=1e-4),
    perceptron(784, (60,), 1, 800, 32, l2=1e-4, dtype=DOUBLE),
    perceptron(20_000, (8,), 1, 100, dtype=DOUBLE),
    perceptron(20_000, (256,), 10, 200, epochs=5),
    perceptron(1_500, (32,), 10, 1_000, 16, epochs=30, momentum=0.9),
    perceptron(500, (10,), 1, 1_000, epochs=50),
    perceptron(500, (300,), 1, 300, epochs=50, dtype=DOUBLE),
    perceptron(10_000, (4,), 1, 400, epochs=5, shuffle=True),
    perceptron(256, (64,), 10, 3_000, 8, momentum=0.9, dtype=DOUBLE),
    perceptron(784, (32,), 1, 800, 4),
    perceptron(784, (512,), 1, 50, epochs=1, dtype=DOUBLE),
    perceptron(13, (32, 16), 1, 506, 8, momentum=0.9, epochs=50),
    perceptron(3_072, (100,), 10, 1_000, 32, epochs=5),
    perceptron(200, (512,), 2, 600, 16, l2=1e-4),
    perceptron(1_200, (48,), 5, 700, 2, momentum=0.5, dtype=DOUBLE),
    # Mini-batches.
    perceptron(784, (128,), 10, 800, 8),
    perceptron(784, (128,), 10, 800, 16, momentum=0.9, dtype=DOUBLE),
    perceptron(784, (128, 32), 10, 800, 64, momentum=0.9),
    perceptron(784, (128, 64), 10, 1_600, 128),
    perceptron(784, (256, 256), 10, 800, 32),
    perceptron(784, (10,), 1, 800, 16, dtype=DOUBLE),
    perceptron(64, (100,), 10, 1_797, 200, momentum=0.9, dtype=DOUBLE),
    perceptron(30, (64, 64), 2, 800, 16, momentum=0.9),
    perceptron(300, (50, 50, 50), 3, 900, 24, l2=1e-4),
    perceptron(784, (128,), 10, 1_600, 200, momentum=0.9, dtype=DOUBLE),
    perceptron(101, (37,), 7, 1_000, 13, momentum=0.9),
    perceptron(2_000, (64,), 10, 400, 32, momentum=0.9),
    # Convolutions.
    layered("conv 8x3 relu, pool 2, conv 16x3 relu, pool 2, dense 10"),
    layered("conv 8x3 relu, pool 2, conv 16x3 relu, pool 2, dense 10", dtype=DOUBLE),
    layered("conv 8x3 stride 2 relu, conv 16x3 stride 2 relu, dense 10", optimizer=SGD(0.9)),
    layered("conv 32x3 same relu, pool 2, dense 10", (3, 32, 32), batch_size=16),
    layered(
        "conv 6x5 relu, pool 2, conv 16x5 relu, pool 2, dense 120 relu, dense 84 relu, dense 10",
        optimizer=Adam(),
    ),
    layered("conv 7x3 tanh, dense 10", (1, 13, 11), batch_size=1),
    layered("conv 12x3 relu, global_avg_pool, dense 4", (2, 20, 20), batch_size=7),
    layered("conv 5x5 relu, pool 3, dense 30 relu, dense 2", batch_size=64, dtype=DOUBLE),
    # Narrow layers, other activations, dropout and optimizers, as random works found them.
    perceptron(4, (8,), 3, 2_000, 8, epochs=20),
    layered("dense 17 relu, dropout 0.3, dense 2", (3,), 674, 1, 90, dtype=DOUBLE),
    layered("dense 1 tanh, dense 109 tanh, dense 1", (20,), 301, 12, 70, SGD(l2=1e-4)),
    layered("dense 5 sigmoid, dense 42 sigmoid, dense 7", (2,), 542, 3, 11),
    layered("dense 3 relu, dense 6 relu, dense 10", (3,), 2_000, 349, 20, RMSprop(), dtype=DOUBLE),
    layered("dense 8 relu, dense 6", (87,), 3_000, 40, 10, Adam(), dtype=DOUBLE, shuffle=True),
    layered(
        "dense 3 tanh, dense 150 tanh, dense 6 tanh, dense 6",
        (118,),
        rows=960,
        batch_size=249,
        epochs=21,
        optimizer=SGD(0.9, nesterov=True),
        dtype=DOUBLE,
    ),
    layered("dense 1 relu, dense 2 relu, dense 8", (1_289,), 1_097, 64, 18, SGD(0.9)),
)
