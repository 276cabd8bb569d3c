"""The direct plan: one step after the other, as the reference does."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import entry_point, kernel, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import part, row
from samplewise_backends.numba_cpu.kernels.later_layers import step_behind
from samplewise_backends.numba_cpu.kernels.layers.dense import dense_forward, dense_update
from samplewise_backends.numba_cpu.kernels.step import activate_rows, rows_of, slope_rows
from samplewise_backends.numba_cpu.kernels.tables import LD, POSITION


@kernel
def gather(X, order, start, rows, A):
    """Copy the rows order[start : start + rows] of X to the front of A."""
    for r in range(rows):
        x, a = row(X, order[start + r]), row(A, r)
        for i in range(a.shape[0]):
            a[i] = x[i]


@spliced_kernel
def _whole_step(gemm, A, Y, order, loss, layers, theta, space, rule, losses, clock):
    """Take one step of a network whose first layer is dense, on the rows of A, float[rows, I]."""
    rows, inputs, first = A.shape[0], A.shape[1], row(layers, 0)
    values, deltas, routines = space.values, space.deltas, space.routines
    a, z = part(A, 0, A.size), rows_of(values, first, 0, rows)
    dense_forward(gemm, rows, a, inputs, theta.parameters, first, z, first[LD])
    activate_rows(routines, values, first, 0, rows)
    step_behind(gemm, 0, rows, layers, Y, order, loss, theta, space, rule, losses, clock)
    if layers.shape[0] > 1:
        slope_rows(routines, deltas, values, first, 0, rows)
    delta = rows_of(deltas, first, 0, rows)
    dense_update(gemm, rows, delta, first[LD], a, inputs, theta, space, first, rule)


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
        _whole_step(gemm, A, Y, where, loss, layers, theta, space, rule, seen, clock)
