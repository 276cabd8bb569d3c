"""How to train: one frozen description, checked when built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from samplewise.checks import one_of, positive_number, true_or_false, whole_number
from samplewise.contract import PLANS, Workload
from samplewise.contract.plan import DEFAULT_MEMORY_MB
from samplewise.network import INITIALIZERS, LOSSES, SGD

AUTO = "auto"
DTYPES = ("float64", "float32")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The settings of a training run, the same words in Python, TOML and on the command line.

    Args:
        loss: a name of `LOSSES`, or "auto": binary cross-entropy for two classes, else
            categorical.
        learning_rate: eta, above 0.
        epochs: passes over the training rows, at least 1.
        batch_size: rows of one update, at least 1; 1 is the report's Algorithm 1.
        shuffle: draw a new order for every epoch; the report keeps one.
        order_seed: decides the orders that `shuffle` draws; None takes `seed`. Networks of
            different seeds that train at once see the rows in one order, so they need one.
        momentum: share of the last update kept in the next, in [0, 1).
        nesterov: Nesterov's momentum, which looks ahead.
        l2: weight of the penalty l2/2 |W|^2, at least 0; biases are not penalised.
        init: a name of `INITIALIZERS`.
        seed: whole number from 0 on; decides weights, order and split.
        backend: a backend's name or "auto"; None asks SAMPLEWISE_BACKEND first.
        dtype: "float64" or "float32".
        threads: threads of the matrix products; 1 is the fastest for small networks, and the
            only count whose bits are promised.
        plan: a name of `PLANS`, the way in which the backend trains, or "auto". It decides speed
            and last bits, not results.
        memory_mb: the most that a plan may keep beside data, parameters and one batch, in MiB.
        track_accuracy: measure the accuracy on the training rows after every epoch; it is not
            part of `train_ms`, but takes as long as a third of an epoch, or more.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    loss: str = AUTO
    learning_rate: float = 0.1
    epochs: int = 10
    batch_size: int = 1
    shuffle: bool = False
    order_seed: int | None = None
    momentum: float = 0.0
    nesterov: bool = False
    l2: float = 0.0
    init: str = "normal"
    seed: int = 0
    backend: str | None = None
    dtype: str = "float64"
    threads: int = 1
    plan: str = AUTO
    memory_mb: int = DEFAULT_MEMORY_MB
    track_accuracy: bool = True

    def __post_init__(self) -> None:
        one_of("loss", self.loss, (AUTO, *LOSSES))
        true_or_false("shuffle", self.shuffle)
        one_of("init", self.init, INITIALIZERS)
        one_of("dtype", self.dtype, DTYPES)
        one_of("plan", self.plan, (AUTO, *PLANS))
        true_or_false("track_accuracy", self.track_accuracy)
        if self.order_seed is not None:
            self._keep(order_seed=whole_number("order_seed", self.order_seed, minimum=0))
        self._keep(
            learning_rate=positive_number("learning_rate", self.learning_rate),
            epochs=whole_number("epochs", self.epochs, maximum=1_000_000),
            batch_size=whole_number("batch_size", self.batch_size),
            seed=whole_number("seed", self.seed, minimum=0),
            threads=whole_number("threads", self.threads, maximum=1024),
            memory_mb=whole_number("memory_mb", self.memory_mb, minimum=0),
            momentum=self.optimizer.momentum,
            l2=self.optimizer.l2,
        )

    def _keep(self, **numbers: float) -> None:
        """Keep Python's own numbers.

        A rate of NumPy's float64 would lift a step in float32 to float64, and JSON takes none of
        NumPy's integers.
        """
        for name, value in numbers.items():
            object.__setattr__(self, name, value)

    @cached_property
    def optimizer(self) -> SGD:
        """The update rule."""
        return SGD(self.momentum, self.nesterov, l2=self.l2)

    @property
    def seed_of_order(self) -> int:
        """What decides the orders that `shuffle` draws."""
        return self.seed if self.order_seed is None else self.order_seed

    def workload(self, rows: int) -> Workload:
        """Return what a program is to train with these settings."""
        return Workload(
            rows=rows,
            batch_size=min(self.batch_size, rows),
            epochs=self.epochs,
            shuffle=self.shuffle,
            plan=self.plan,
            memory_mb=self.memory_mb,
            threads=self.threads,
        )

    def loss_for(self, outputs: int) -> str:
        """Return the loss's name for a network of `outputs` logits."""
        if self.loss != AUTO:
            return self.loss
        return "binary_cross_entropy" if outputs == 1 else "categorical_cross_entropy"
