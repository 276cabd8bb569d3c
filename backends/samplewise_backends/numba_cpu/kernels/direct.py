"""The direct plan: one step after the other, as the reference does."""

from __future__ import annotations

from samplewise_backends.numba_cpu.jit import entry_point, kernel
from samplewise_backends.numba_cpu.kernels.step import whole_step
from samplewise_backends.numba_cpu.kernels.tables import POSITION
from samplewise_backends.numba_cpu.kernels.views import part, row


@kernel
def gather(X, order, start, rows, A):
    """Copy the rows order[start : start + rows] of X to the front of A."""
    for r in range(rows):
        x, a = row(X, order[start + r]), row(A, r)
        for i in range(a.shape[0]):
            a[i] = x[i]


@entry_point
def run_direct(gemm, X, Y, order, window, layers, theta, space, gathered, rule, losses):
    """Train on order[start:stop], with window = (start, stop, batch size, loss code).

    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    start, stop, batch, loss = window
    clock = row(space.clock, 0)
    for first in range(start, stop, batch):
        rows = min(batch, stop - first)
        gather(X, order, first, rows, gathered)
        A, where, seen = gathered[:rows], part(order, first, rows), part(losses, first, rows)
        clock[POSITION] = first
        whole_step(gemm, A, Y, where, loss, layers, theta, space, rule, seen, clock)
