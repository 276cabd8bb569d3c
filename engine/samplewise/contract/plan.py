"""The workload of a program, and the plan that it chose for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from samplewise.lazy import np

AUTO_PLAN = "auto"
DIRECT, BLOCKED, DUAL = "direct", "blocked", "dual"
# direct: one step after the other. blocked: the first layer's products of many steps at once.
# dual: the first layer as coefficients of the training rows, for fewer rows than inputs.
PLANS = (DIRECT, BLOCKED, DUAL)

DEFAULT_MEMORY_MB = 512
# The exact plans multiply inner products of rows by the steps of a block, and sum: room for that.
ROOM_OF_PRODUCTS = 2.0**64


@dataclass(frozen=True)
class Workload:
    """The work that a program is compiled for; it may choose its plan by this.

    It is a forecast: a program follows the steps that come, whatever was foretold.

    Args:
        rows: of the training data.
        batch_size: rows of a step.
        epochs: maximum number of epochs on the same rows; 1 where each epoch has its own rows.
        shuffle: whether the order changes every epoch.
        plan: a name of `PLANS`, or "auto".
        memory_mb: maximum memory of the program beside data, parameters and one batch, in
            MiB; a plan that needs more is not chosen.
        threads: maximum number of threads of the program.
        step_fields: which of `Capabilities.step_fields` the steps will use.
        largest_input: the largest absolute value in the rows; 0 where it is not known.
    """

    rows: int
    batch_size: int = 1
    epochs: int = 1
    shuffle: bool = False
    plan: str = AUTO_PLAN
    memory_mb: int = DEFAULT_MEMORY_MB
    threads: int = 1
    step_fields: frozenset[str] = frozenset()
    largest_input: float = 0.0

    def overflow_of_products(self, inputs: int, dtype: np.dtype[Any]) -> str | None:
        """Return why inner products of rows would not stay finite, or None where they do.

        A step made by itself needs none: its inputs may be as large as the root of what its
        gradients and weights can hold.

        Args:
            inputs: values of a row.
            dtype: of the products.
        """
        # In Python's floats: beyond 1.8e308 they are infinite, and still compare as too large.
        square = self.largest_input * self.largest_input * inputs
        if square * ROOM_OF_PRODUCTS <= float(np.finfo(dtype).max):
            return None
        return (
            f"inputs reach {self.largest_input:.4g}, so products of rows may overflow {dtype.name}"
        )


@dataclass(frozen=True)
class Plan:
    """The way in which a program trains. Plans differ in speed and last bits, not in results.

    Args:
        name: of `PLANS`.
        reason: why this one, in words.
        block: samples whose first-layer products are taken at once; None for direct.
        memory_bytes: kept beside data, parameters and one batch.
        epoch_ms: predicted time of an epoch, in milliseconds; None where nothing predicts it.
        alternatives: predicted milliseconds an epoch of each plan that was weighed.
        chunk: maximum samples of one call, so that an interrupt acts soon; None leaves it to the
            engine.
        in_place: whether `state` holds all of the training state after each call; where not,
            `Program.synchronize` brings it there.
    """

    name: str = DIRECT
    reason: str = "the only plan of this backend"
    block: int | None = None
    memory_bytes: int = 0
    epoch_ms: float | None = None
    alternatives: dict[str, float] = field(default_factory=dict)
    chunk: int | None = None
    in_place: bool = True
