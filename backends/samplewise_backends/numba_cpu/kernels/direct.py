"""The direct plan: one step after the other, as the reference does."""

from samplewise_backends.numba_cpu.compile.jit import entry_point, kernel, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import part, row
from samplewise_backends.numba_cpu.kernels.later_layers import step_later_layers
from samplewise_backends.numba_cpu.kernels.layers.dense import dense_forward, dense_update
from samplewise_backends.numba_cpu.kernels.step import activate_rows, derivative_rows, rows_of
from samplewise_backends.numba_cpu.kernels.tables import LD, POSITION


@kernel
def gather(X, order, start, rows, out):
    """Copy the rows order[start : start + rows] of X to the front of `out`."""
    for r in range(rows):
        x, a = row(X, order[start + r]), row(out, r)
        for i in range(a.shape[0]):
            a[i] = x[i]


@spliced_kernel
def _whole_step(gemm, X, Y, order, loss, layers, theta, space, hyper, losses, clock):
    """Take one step of a network whose first layer is dense, on the rows of X, float[rows, I]."""
    rows, inputs, first = X.shape[0], X.shape[1], row(layers, 0)
    A, dZ, routines = space.A, space.dZ, space.routines
    a, z = part(X, 0, X.size), rows_of(A, first, 0, rows)
    dense_forward(gemm, rows, a, inputs, theta.parameters, first, z, first[LD])
    activate_rows(routines, A, first, 0, rows)
    step_later_layers(gemm, 0, rows, layers, Y, order, loss, theta, space, hyper, losses, clock)
    if layers.shape[0] > 1:
        derivative_rows(routines, dZ, A, first, 0, rows)
    dz = rows_of(dZ, first, 0, rows)
    dense_update(gemm, rows, dz, first[LD], a, inputs, theta, space, first, hyper)


@entry_point
def run_direct(gemm, X, Y, order, window, layers, theta, space, gathered, hyper, losses):
    """Train on order[start:stop], with window = (start, stop, batch size, loss code).

    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    start, stop, batch, loss = window
    clock = row(space.clock, 0)
    for first in range(start, stop, batch):
        rows = min(batch, stop - first)
        gather(X, order, first, rows, gathered)
        X_B, where, seen = gathered[:rows], part(order, first, rows), part(losses, first, rows)
        clock[POSITION] = first
        _whole_step(gemm, X_B, Y, where, loss, layers, theta, space, hyper, seen, clock)
