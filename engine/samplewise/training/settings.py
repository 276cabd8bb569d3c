"""How to train: one frozen description, checked when built."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from samplewise.checks import one_of, positive_number, true_or_false, whole_number
from samplewise.contract import PLANS, Workload
from samplewise.contract.plan import DEFAULT_MEMORY_MB
from samplewise.errors import CombinationError
from samplewise.network import INITIALIZERS, LOSSES, OPTIMIZERS, SGD, Optimizer

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
        optimizer: a name of `OPTIMIZERS`.
        momentum: of sgd: share of the last update kept in the next, in [0, 1).
        nesterov: of sgd: Nesterov's momentum, which looks ahead.
        beta1, beta2: of adam: shares of the last averages kept in the next, in [0, 1).
        rho: of rmsprop, likewise.
        epsilon: of all but sgd: added to the root that a step is divided by, above 0. None here
            takes what the rule usually has.
        l1: weight of the penalty l1 sum |W|, at least 0; biases are not penalised.
        l2: weight of the penalty l2/2 |W|^2, at least 0; likewise.
        weight_decay: decoupled decay, at least 0; with adam, it makes AdamW.
        clip_value, clip_norm: the most that each entry of a gradient may be in size, and its
            norm; None does not limit it.
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
    optimizer: str = SGD.name
    momentum: float | None = None
    nesterov: bool | None = None
    beta1: float | None = None
    beta2: float | None = None
    rho: float | None = None
    epsilon: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
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
        )
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        rule = self.rule
        self._keep(**{name: getattr(rule, name) for name in self._rule_options()})

    def _keep(self, **numbers: float) -> None:
        """Keep Python's own numbers.

        A rate of NumPy's float64 would lift a step in float32 to float64, and JSON takes none of
        NumPy's integers.
        """
        for name, value in numbers.items():
            object.__setattr__(self, name, value)

    @cached_property
    def rule(self) -> Optimizer:
        """The update rule."""
        return OPTIMIZERS[self.optimizer](**self._rule_options())

    def _rule_options(self) -> dict[str, Any]:
        """Return what is set of the rule's options.

        Raises:
            CombinationError: an option is set that the rule does not have.
        """
        kind = OPTIMIZERS[self.optimizer]
        own = {field.name for field in dataclasses.fields(kind)}
        known = {field.name for rule in OPTIMIZERS.values() for field in dataclasses.fields(rule)}
        given = {name: getattr(self, name) for name in sorted(known)}
        given = {name: value for name, value in given.items() if value is not None}
        foreign = [name for name in given if name not in own]
        if foreign:
            raise CombinationError(
                f"{foreign[0]} is {given[foreign[0]]}, but {self.optimizer} has no {foreign[0]}; "
                f"it has {', '.join(sorted(own))}"
            )
        return given

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
