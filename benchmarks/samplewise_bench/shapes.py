"""Named shapes of networks and batches: what each way of training is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from samplewise.network import SGD, multilayer_perceptron
from samplewise_bench.problems import DRAWN_EPOCHS, Problem, drawn_problem

ROWS = 800
# Hidden units, outputs and momentum: the report's network, wider ones, ten classes with momentum.
LAYERS = ((10, 1, 0.0), (60, 1, 0.0), (256, 1, 0.0), (128, 10, 0.9))
BATCH_SIZES = (1, 16, 32)
WIDE = "wide 500x20000-32-1, batch 1"
"""More inputs than rows, as a gene chip gives."""


@dataclass(frozen=True)
class Shape:
    """A network and how it is fed; the rows are drawn."""

    inputs: int
    hidden: int
    outputs: int
    rows: int = ROWS
    batch_size: int = 1
    momentum: float = 0.0
    epochs: int = DRAWN_EPOCHS

    def problem(self, dtype: str = "float32") -> Problem:
        """Return the shape as a problem, on rows that are drawn anew."""
        return drawn_problem(
            multilayer_perceptron(self.inputs, (self.hidden,), self.outputs),
            self.rows,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=SGD(self.momentum),
            dtype=dtype,
        )


SHAPES = {
    f"784-{hidden}-{outputs}, batch {batch_size}": Shape(
        784, hidden, outputs, batch_size=batch_size, momentum=momentum
    )
    for hidden, outputs, momentum in LAYERS
    for batch_size in BATCH_SIZES
} | {WIDE: Shape(20_000, 32, 1, rows=500, epochs=20)}
