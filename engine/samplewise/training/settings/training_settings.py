"""The settings of a training: one frozen description, checked when it is built."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from samplewise.checks import (
    decay_factor,
    not_negative,
    open_fraction,
    positive_number,
    printable,
)
from samplewise.checks import text as text_of
from samplewise.contract import PENALTIES, PLANS, RATES, WEIGHTS, PlanSpec, Workload
from samplewise.contract.plan import AUTO_PLAN, DEFAULT_MEMORY_MB, DIRECT
from samplewise.contract.state import step_count
from samplewise.errors import ParameterError
from samplewise.network import INITIALIZERS, OPTIMIZERS, SGD, Loss, Optimizer
from samplewise.options.fields import Chosen, documented, option
from samplewise.options.kinds import SWITCH, choice, number, text, whole
from samplewise.options.settings import Settings
from samplewise.registered import registered
from samplewise.training.schedules import SCHEDULES, Constant, Plateau, RunLength, Schedule
from samplewise.training.settings.auto_loss import LOSS_KINDS, AutoLoss
from samplewise.training.settings.stopping import EarlyStopping

DEVICE = re.compile("[a-z]+(:[0-9]{1,4})?")
DTYPES = ("float64", "float32")
STOPPING, EXECUTION = EarlyStopping.PANEL, "Execution"


def _augment(name: str, given: object) -> str:
    from samplewise.data.augmentation import Augmentation

    words = text_of(name, given, "shift 2, rotate 10")
    Augmentation.from_text(words)
    return words


def _backend(name: str, given: object) -> str:
    return text_of(name, given, "vectorized")


def _device(name: str, given: object) -> str:
    words = text_of(name, given, "gpu:0")
    if DEVICE.fullmatch(words) is None:
        raise ParameterError(
            f"{name}: not a device, got '{printable(words)}'; use a kind and its number, such as "
            "cpu or gpu:0"
        )
    return words


def _plan(name: str, given: object) -> str:
    return str(PlanSpec.parse(name, given))


def _class_weight(name: str, given: object) -> str:
    from samplewise.training.rows.weighting import class_weight_words

    return class_weight_words(name, given)


@documented
@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """The settings of a training run.

    Optimizer, loss and schedule are objects, or names, which stand for the default options.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
    """

    PANEL = "Training"

    loss: Chosen[Loss | AutoLoss] = Chosen(
        LOSS_KINDS,
        (Loss, AutoLoss),
        AutoLoss.name,
        "loss function; auto is binary_cross_entropy for two classes, else "
        "categorical_cross_entropy",
        PANEL,
        registered,
    )
    learning_rate: float = option(0.1, number(positive_number), "learning rate eta, above 0")
    epochs: int = option(10, whole(maximum=1_000_000), "passes over the training rows")
    batch_size: int = option(1, whole(), "rows of one update; 1 is the report's Algorithm 1")
    shuffle: bool = option(False, SWITCH, "draw a new order of the rows for every epoch")
    order_seed: int | None = option(
        None,
        whole(minimum=0),
        "seed of the shuffled orders and of augment; networks that train at once share it",
        shown="the seed",
    )
    augment: str | None = option(
        None,
        text(_augment),
        "changes to the images, drawn anew for every epoch, as in 'shift 2, rotate 10, noise 0.05'",
    )
    class_weight: str | Mapping[str | int, float] | None = option(
        None,
        text(
            _class_weight,
            forms=("balanced or as in cat:1,dog:2.5", '"balanced" or as in "cat:1,dog:2.5"'),
        ),
        "weight of the rows of each class: balanced, or by name as in cat:1,dog:2.5; a name with "
        "a comma or a colon in double quotes",
        shown="1 each",
    )
    normalize_weights: bool = option(
        False,
        SWITCH,
        "divide the gradient of a batch by the sum of its rows' weights instead of its rows; rows "
        "of weight 0 stay in the batches",
    )
    gradient_scale: float = option(
        1.0,
        number(positive_number),
        "factor of the loss's gradient, but not of penalties or of the loss that is reported",
    )
    ema_decay: float | None = option(
        None,
        number(decay_factor),
        "exponential moving average of the weights, updated after each epoch, with this decay in "
        "[0, 1)",
    )
    seed: int = option(0, whole(minimum=0), "seed of the initial weights, orders and splits")
    init: str = option("normal", choice(INITIALIZERS), "initial weights", panel="Network")
    optimizer: Chosen[Optimizer] = Chosen(
        OPTIMIZERS,
        Optimizer,
        SGD.name,
        "algorithm that updates the weights",
        "Optimizer",
        registered,
    )
    batch_l2: float = option(
        0.0,
        number(not_negative),
        "L2 penalty that each batch divides by its rows, or by the sum of their weights with "
        "normalize_weights; the loss includes it",
        panel="Optimizer",
    )
    schedule: Chosen[Schedule] = Chosen(
        SCHEDULES,
        Schedule,
        Constant.name,
        "how the learning rate changes during the run",
        "Schedule",
    )
    validation_fraction: float | None = option(
        None,
        number(open_fraction),
        "share of the training rows held out for validation, in (0, 1), the same of each class",
        panel=STOPPING,
    )
    stopping: EarlyStopping = EarlyStopping()
    max_seconds: float | None = option(
        None,
        number(positive_number),
        "stop after so many seconds, without the time to compile",
        panel=STOPPING,
        shown="never",
    )
    max_steps: int | None = option(
        None, whole(), "stop after so many updates", panel=STOPPING, shown="never"
    )
    backend: str | None = option(
        None,
        text(_backend, metavar="NAME"),
        "a backend that `samplewise backends` lists, or auto",
        panel=EXECUTION,
        shown="auto",
    )
    device: str | None = option(
        None,
        text(_device, metavar="NAME"),
        "the device that computes, of those that the backend has, such as cpu or gpu:0",
        panel=EXECUTION,
        shown="the backend's choice",
    )
    dtype: str = option("float64", choice(DTYPES), "floating-point type", panel=EXECUTION)
    threads: int = option(
        1,
        whole(maximum=1024),
        "maximum number of threads, taken where they pay; results repeat bit for bit only with 1",
        panel=EXECUTION,
    )
    plan: str = option(
        AUTO_PLAN,
        choice((AUTO_PLAN, *PLANS), _plan),
        "how the backend trains, which changes speed and last bits; blocked and dual take the rows "
        "of a block, as in blocked:64",
        panel=EXECUTION,
    )
    memory_mb: int = option(
        DEFAULT_MEMORY_MB,
        whole(minimum=0),
        "memory limit of a plan in MiB, without data, parameters and one batch",
        panel=EXECUTION,
    )
    track_accuracy: bool = option(
        True, SWITCH, "measure the training accuracy of every epoch", panel=EXECUTION
    )
    exact_accuracy: bool = option(
        False,
        SWITCH,
        "measure the training accuracy after the epoch, in a further pass over the rows, not in "
        "the epoch's own steps",
        panel=EXECUTION,
    )

    @property
    def seed_of_order(self) -> int:
        """Seed of the orders that `shuffle` draws."""
        return self.seed if self.order_seed is None else self.order_seed

    @cached_property
    def plan_spec(self) -> PlanSpec:
        """The plan, taken apart."""
        return PlanSpec.parse("plan", self.plan)

    @property
    def follows_best(self) -> bool:
        """True if the best epoch so far decides about the end, the rate or the weights."""
        waits = self.stopping.patience is not None or isinstance(self.schedule, Plateau)
        return waits or self.stopping.keeps_best

    def run_of(self, rows: int) -> RunLength:
        """Return the length of a run on so many rows.

        Raises:
            CombinationError: it is too short for the schedule.
        """
        steps = step_count(rows, self.batch_size)
        run = RunLength(self.epochs, steps, self.max_steps, rows)
        self.schedule.check(self.learning_rate, run)
        return run

    def step_fields(self, *, weighted: bool) -> frozenset[str]:
        """Return the step fields that a run needs, of `Capabilities.step_fields`.

        Args:
            weighted: True if its rows have weights.
        """
        needed = {
            RATES: self.schedule.varies_in_epoch,
            WEIGHTS: weighted or self.gradient_scale != 1,
            PENALTIES: self.batch_l2 > 0,
        }
        return frozenset(field for field, wanted in needed.items() if wanted)

    def workload(
        self, rows: int, step_fields: Iterable[str] = (), largest_input: float = 0.0
    ) -> Workload:
        """Return the work of a program that trains with these settings.

        Args:
            rows: of the training data.
            step_fields: as `Workload`.
            largest_input: likewise, before `augment`.
        """
        if self.augment is not None:
            from samplewise.data.augmentation import Augmentation

            largest_input = Augmentation.from_text(self.augment).largest(largest_input)
        return Workload(
            rows=rows,
            batch_size=min(self.batch_size, rows),
            # What a program keeps of the rows does not outlive them.
            epochs=self.epochs if self.augment is None else 1,
            shuffle=self.shuffle,
            memory_mb=self.memory_mb,
            threads=self.threads,
            step_fields=frozenset(step_fields),
            largest_input=largest_input,
            **self.plan_spec.fields(),
        )

    def loss_for(self, outputs: int) -> Loss:
        """Return the loss of a network of `outputs` logits."""
        loss = self.loss
        return loss.for_outputs(outputs) if isinstance(loss, AutoLoss) else loss


def of_plain_steps(settings: TrainingSettings, **changes: Any) -> TrainingSettings:
    """Return settings of an epoch of steps in place, without schedule and stopping, and changed."""
    plain: dict[str, Any] = {"schedule": Constant(), "stopping": EarlyStopping(), "max_steps": None}
    return replace(settings, epochs=1, plan=DIRECT, **plain, **changes)
