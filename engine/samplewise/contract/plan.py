"""The workload of a program, and the plan that it chose for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from samplewise.checks import must_be, one_of, printable
from samplewise.errors import ContractError, ParameterError
from samplewise.lazy import np

AUTO_PLAN = "auto"
DIRECT, BLOCKED, DUAL = "direct", "blocked", "dual"
# direct: one step after the other. blocked: the first layer's products of many steps at once.
# dual: the first layer as coefficients of the training rows, for fewer rows than inputs.
PLANS = (DIRECT, BLOCKED, DUAL)

DEFAULT_MEMORY_MB = 512
# The exact plans multiply inner products of rows by the steps of a block, and sum: room for that.
ROOM_OF_PRODUCTS = 2.0**64
_WORD = "[a-z][a-z0-9+-]{0,63}"
_DETAILS = re.compile(rf"([1-9][0-9]{{0,8}})(?::({_WORD}))?")


@dataclass(frozen=True)
class PlanSpec:
    """A plan, and all else of it that decides last bits; `str` gives the text that `parse` reads.

    Args:
        name: of `PLANS`, or "auto".
        block: samples whose first-layer products are taken at once; None leaves it to the backend.
        products: how matrix products are taken, in a word of the backend; "" leaves it to it.
    """

    name: str = AUTO_PLAN
    block: int | None = None
    products: str = ""

    @classmethod
    def parse(cls, where: str, text: object) -> PlanSpec:
        """Read a plan from a text such as "auto", "blocked", "dual:32" or "blocked:64:tiled+loops".

        Args:
            where: name of the setting, for messages.
            text: the plan, with a block and products where it has them; a direct one has no block,
                as in "direct:thin".

        Raises:
            ParameterError: it is not such a text.
        """
        name, colon, details = text.partition(":") if isinstance(text, str) else (text, "", "")
        name = one_of(where, name, (AUTO_PLAN, *PLANS))
        if not colon:
            return cls(name)
        if name == DIRECT and re.fullmatch(_WORD, details):
            return cls(name, None, details)
        found = _DETAILS.fullmatch(details)
        if name not in (BLOCKED, DUAL):
            raise ParameterError(
                f"{where} is '{printable(text)}', but only blocked and dual take a block of rows"
            )
        if found is None:
            wanted = (
                f"{name}, or {name}:64 for blocks of 64 rows (1 to 999,999,999), or the whole text "
                "that a run recorded"
            )
            raise ParameterError(must_be(where, wanted, text))
        return cls(name, int(found[1]), found[2] or "")

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        parts = [self.name, "" if self.block is None else str(self.block), self.products]
        return ":".join(part for part in parts if part)

    def fields(self) -> dict[str, Any]:
        """Return the fields of a `Workload` that ask for this plan."""
        return {"plan": self.name, "block": self.block, "products": self.products}

    def filled_in(self, recorded: PlanSpec) -> PlanSpec:
        """Return this plan with the recorded details, as far as it leaves them open."""
        if self.name not in (AUTO_PLAN, recorded.name) or self.block not in (None, recorded.block):
            return self
        return self if self.products else recorded


def window_length(rows: int, batch_size: int, samples: int) -> int:
    """Return the samples of each call of an epoch but the last, which ends with the epoch.

    Args:
        rows: of the epoch, or as many of them as it runs.
        batch_size: rows of a step; a batch is never cut.
        samples: maximum of a call, as `Plan.chunk`.
    """
    # The last batch may be a part of one, which needs no call of its own.
    return samples if samples >= rows else max(samples // batch_size, 1) * batch_size


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
        block: samples of a block that `plan` shall have, which become whole batches; None leaves
            it to the program.
        products: how `plan` shall take its matrix products: a word of `Plan.products`; "" leaves it
            to the program.
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
    block: int | None = None
    products: str = ""

    @property
    def spec(self) -> PlanSpec:
        """The plan that is asked for."""
        return PlanSpec(self.plan, self.block, self.products)

    def first_window(self, samples: int) -> int:
        """Return the samples of the first call of an epoch, which most others have too.

        All rows, or whole batches: a compiler by shape can compile just that ahead.

        Args:
            samples: maximum of a call, as `Plan.chunk`; a batch is never cut.
        """
        return min(window_length(self.rows, self.batch_size, samples), self.rows)

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
            engine. It must not change the results: whole blocks.
        in_place: whether `state` holds all of the training state after each call; where not,
            `Program.synchronize` brings it there.
        products: how matrix products are taken, in a word of the backend: lower-case letters,
            digits, + and -. Whatever the backend chooses beside name and block, and which changes
            last bits, is in it; a workload gives it back to repeat the run.
    """

    name: str = DIRECT
    reason: str = "the only plan of this backend"
    block: int | None = None
    memory_bytes: int = 0
    epoch_ms: float | None = None
    alternatives: dict[str, float] = field(default_factory=dict)
    chunk: int | None = None
    in_place: bool = True
    products: str = ""

    @property
    def spec(self) -> PlanSpec:
        """The plan to ask for, so that a later run has the same bits."""
        return PlanSpec(self.name, self.block, self.products)

    def __str__(self) -> str:
        """Return the text that asks for it, and the reason."""
        return f"{self.spec}: {self.reason}"

    def check(self, backend: str) -> None:
        """Refuse a plan that a run could not record, as a text by which it is asked for again.

        Args:
            backend: its name.

        Raises:
            ContractError: with the text.
        """
        text, reason = str(self.spec), "read again, it is another plan"
        try:
            if PlanSpec.parse("plan", text) == self.spec:
                return
        except ParameterError as error:
            reason = str(error)
        raise ContractError(
            f"backend '{backend}': plan '{printable(text)}' cannot be recorded: {reason}; correct "
            "name, block and products of its Plan"
        )
