"""How to train: one frozen description, checked when built."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from samplewise.checks import one_of, positive_number, text, true_or_false, whole_number
from samplewise.contract import PLANS, RATES, WEIGHTS, Workload
from samplewise.contract.plan import DEFAULT_MEMORY_MB
from samplewise.data.augmentation import Augmentation
from samplewise.network import INITIALIZERS, LOSSES, OPTIMIZERS, SGD, Loss, Optimizer
from samplewise.training.schedules import Run
from samplewise.training.settings.control import AUTO, ControlSettings
from samplewise.training.settings.schedule import ScheduleSettings
from samplewise.training.settings.words import keep, options_of

DTYPES = ("float64", "float32")
# What "auto" is checked with before the network is known.
AUTO_OUTPUTS = 1


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(ControlSettings, ScheduleSettings):
    """The settings of a training run, the same words in Python, TOML and on the command line.

    Those of the schedule, and of what ends a run, stand in the classes that it is made of.

    Args:
        loss: a name of `LOSSES`, or "auto": binary cross-entropy for two classes, else
            categorical.
        label_smoothing: of the cross-entropies of classes: share of each target that is spread
            evenly over all classes, in [0, 1).
        delta: of huber: the error above which the loss grows linearly, above 0. None here and above
            takes what the loss usually has.
        learning_rate: eta, above 0.
        epochs: passes over the training rows, at least 1.
        batch_size: rows of one update, at least 1; 1 is the report's Algorithm 1.
        shuffle: draw a new order for every epoch; the report keeps one.
        order_seed: decides the orders that `shuffle` draws, and what `augment` does; None takes
            `seed`. Networks of different seeds that train at once see the same rows in one order,
            so they need one.
        augment: other views of the images for every epoch, as `training.augmentation` reads them,
            such as "shift 2, rotate 10, noise 0.05"; None trains on the rows as they are. Drawing
            is not part of `train_ms`, and the accuracy is that on the rows as they are.
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
    label_smoothing: float | None = None
    delta: float | None = None
    learning_rate: float = 0.1
    epochs: int = 10
    batch_size: int = 1
    shuffle: bool = False
    order_seed: int | None = None
    augment: str | None = None
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
        if self.augment is not None:
            Augmentation.from_text(text("augment", self.augment, "shift 2, rotate 10"))
        one_of("init", self.init, INITIALIZERS)
        one_of("dtype", self.dtype, DTYPES)
        one_of("plan", self.plan, (AUTO, *PLANS))
        true_or_false("track_accuracy", self.track_accuracy)
        if self.order_seed is not None:
            keep(self, order_seed=whole_number("order_seed", self.order_seed, minimum=0))
        keep(
            self,
            learning_rate=positive_number("learning_rate", self.learning_rate),
            epochs=whole_number("epochs", self.epochs, maximum=1_000_000),
            batch_size=whole_number("batch_size", self.batch_size),
            seed=whole_number("seed", self.seed, minimum=0),
            threads=whole_number("threads", self.threads, maximum=1024),
            memory_mb=whole_number("memory_mb", self.memory_mb, minimum=0),
        )
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        for built, options in (
            (self.rule, self._rule_options()),
            (self.loss_for(AUTO_OUTPUTS), self._loss_options()),
        ):
            keep(self, **{name: getattr(built, name) for name in options})
        self._check_schedule()
        self._check_control()

    @cached_property
    def rule(self) -> Optimizer:
        """The update rule."""
        return OPTIMIZERS[self.optimizer](**self._rule_options())

    def _rule_options(self) -> dict[str, Any]:
        return options_of(self, self.optimizer, OPTIMIZERS)

    def _loss_options(self) -> dict[str, Any]:
        # Both of what "auto" may become have the same options.
        return options_of(self, self._loss_name(AUTO_OUTPUTS), LOSSES)

    @property
    def seed_of_order(self) -> int:
        """What decides the orders that `shuffle` draws."""
        return self.seed if self.order_seed is None else self.order_seed

    def run_of(self, rows: int) -> Run:
        """Return how long a run on so many rows is.

        Raises:
            CombinationError: it is too short for the schedule.
        """
        steps = -(-rows // min(self.batch_size, rows))
        run = Run(self.epochs, steps, self.max_steps)
        self.rate_schedule.check(self.learning_rate, run)
        return run

    def step_fields(self, *, weighted: bool) -> frozenset[str]:
        """Return which of `Capabilities.step_fields` a run needs.

        Args:
            weighted: whether its rows have weights.
        """
        needed = {RATES: self.rate_schedule.varies_in_epoch, WEIGHTS: weighted}
        return frozenset(field for field, wanted in needed.items() if wanted)

    def workload(
        self, rows: int, step_fields: Iterable[str] = (), largest_input: float = 0.0
    ) -> Workload:
        """Return what a program is to train with these settings.

        Args:
            rows: of the training data.
            step_fields: as `Workload`.
            largest_input: likewise, before `augment`.
        """
        if self.augment is not None:
            largest_input = Augmentation.from_text(self.augment).largest(largest_input)
        return Workload(
            rows=rows,
            batch_size=min(self.batch_size, rows),
            # What a program keeps of the rows does not outlive them.
            epochs=self.epochs if self.augment is None else 1,
            shuffle=self.shuffle,
            plan=self.plan,
            memory_mb=self.memory_mb,
            threads=self.threads,
            step_fields=frozenset(step_fields),
            largest_input=largest_input,
        )

    def loss_for(self, outputs: int) -> Loss:
        """Return the loss of a network of `outputs` logits."""
        return LOSSES[self._loss_name(outputs)](**self._loss_options())

    def _loss_name(self, outputs: int) -> str:
        if self.loss != AUTO:
            return self.loss
        return "binary_cross_entropy" if outputs == 1 else "categorical_cross_entropy"
