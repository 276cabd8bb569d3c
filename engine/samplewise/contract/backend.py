"""A backend, as the engine asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from samplewise.contract.capabilities import Capabilities
from samplewise.contract.plan import Workload
from samplewise.contract.program import ManyProgram, Program
from samplewise.network.losses import Loss
from samplewise.network.network import Network
from samplewise.network.optimizers import Optimizer

if TYPE_CHECKING:
    import numpy as np


class Backend(Protocol):
    """A way to execute networks. The entry point names an object with these members.

    `compile_many`, `on_device`, `unavailable`, `keeps_compiled`, `compile_time`, `kernels` and
    `prepare` may be left out.
    """

    @property
    def name(self) -> str:
        """Name, equal to that of the entry point."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The layers, losses and other capabilities that the backend can compile."""
        ...

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> Program:
        """Return a program. The engine asks only for what `capabilities` offer.

        Without a workload the program will predict, or train anything: no plan can be chosen by
        its size.
        """
        ...

    def compile_many(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: np.dtype[Any],
        workload: Workload,
    ) -> ManyProgram:
        """Return a program of several networks; asked only where `capabilities.many`."""
        raise NotImplementedError(f"backend '{self.name}' has no compile_many")

    def on_device(self, device: str) -> Backend:
        """Return this backend for a device, whose name its `capabilities` then have.

        The device need not exist yet: `unavailable` of the result says so, and names those that do.
        Before it, only `name`, `compile` and `capabilities` are asked for. A backend without this
        member, or one that inherits it, has only the device of its `capabilities`.

        Args:
            device: such as "gpu:0"; "" means the one that it takes by itself.
        """
        return self

    def unavailable(self) -> str | None:
        """Return in one line why this backend cannot run here and now, or None where it can.

        Asked once a process, when the backend is first wanted or listed, so it takes a fraction of
        a second. A backend without this member is available wherever its module can be imported.
        """
        return None

    @property
    def keeps_compiled(self) -> bool:
        """True if a later process finds what this one compiles; False where the member is missing.

        A first compile that takes seconds is announced.
        """
        return False

    @property
    def compile_time(self) -> str:
        """About how long compiling takes, such as "5 to 15 s"; empty where nobody knows.

        Asked only once a compile has taken noticeably long.
        """
        return ""

    @property
    def kernels(self) -> str:
        """Where its compiled code comes from, in a word or two; the history has it, and lists."""
        return ""

    def prepare(self, dtypes: Sequence[str], *, measure: bool) -> Iterator[str]:
        """Do what later processes need not do then: compile everything, measure the machine.

        Args:
            dtypes: of the programs to come, "float32" or "float64".
            measure: also measure what choices of a plan follow from.

        Yields:
            A line about each thing that is done.
        """
        return iter(())
