"""The backend: its capabilities, and how it compiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samplewise.contract import DECISIONS, PENALTIES, PLANS, RATES, WEIGHTS, Capabilities, Workload
from samplewise.network import FROZEN, Loss, Network, Optimizer
from samplewise_backends.numba_cpu.availability import why_unavailable
from samplewise_backends.numba_cpu.compile import compile_time
from samplewise_backends.numba_cpu.compile.kernel_cache import keeps_kernels
from samplewise_backends.numba_cpu.compile.library import all_prebuilt
from samplewise_backends.numba_cpu.many import NumbaManyProgram
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.coefficients import OPTIMIZER_CODES, OPTIONS
from samplewise_backends.numba_cpu.plans.lowering import ACTIVATION_CODES, KINDS
from samplewise_backends.numba_cpu.plans.routines import LOSS_CODES
from samplewise_backends.numba_cpu.program import NumbaProgram


class NumbaBackend:
    """Kernels compiled by numba: a whole chunk of an epoch in one call."""

    name = "numba_cpu"
    capabilities = Capabilities.of(
        layers=[*KINDS, FROZEN],
        activations=ACTIVATION_CODES,
        losses=LOSS_CODES,
        optimizers=[*OPTIMIZER_CODES, *OPTIONS],
        plans=PLANS,
        many=True,
        step_fields=[RATES, WEIGHTS, PENALTIES, DECISIONS],
    )

    @property
    def keeps_compiled(self) -> bool:
        """True if a later process finds the kernels that this one compiles."""
        return keeps_kernels()

    @property
    def compile_time(self) -> str:
        """About how long compiling takes, by what was compiled on this machine before."""
        return compile_time.in_words()

    @property
    def kernels(self) -> str:
        """Where the kernels that this process has used so far come from."""
        return "prebuilt" if all_prebuilt() else "compiled here"

    def prepare(self, dtypes: Sequence[str], *, measure: bool) -> Iterator[str]:
        """Load or compile every kernel, and measure this machine; a line about each."""
        from samplewise_backends.numba_cpu.preparation import prepare

        return prepare(dtypes, measure=measure)

    def unavailable(self) -> str | None:
        """Return why no kernel can run here and now; None where a small one did."""
        return why_unavailable()

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: DType,
        workload: Workload | None = None,
    ) -> NumbaProgram:
        """Return the program with its tables and buffers; kernels compile at first use."""
        return NumbaProgram(network, loss, optimizer, dtype, workload)

    def compile_many(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: DType,
        workload: Workload,
    ) -> NumbaManyProgram:
        """Return a program of several networks, which share products and Gram matrix."""
        return NumbaManyProgram(networks, loss, optimizers, dtype, workload)
