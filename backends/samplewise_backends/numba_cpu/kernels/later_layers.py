"""One step in the layers after the first, as one routine.

Every plan of a dense first layer calls it once a step and network. Compiled into each of them, it
took two thirds of their compile times; a call costs some nanoseconds.
"""

from samplewise_backends.numba_cpu.compile.jit import (
    INTEGER,
    INTEGERS,
    NUMBER,
    NUMBERS,
    inlined_kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.views import at, call, rows_at
from samplewise_backends.numba_cpu.kernels.step import (
    backward_later_layers,
    forward_later_layers,
    loss_rows,
)
from samplewise_backends.numba_cpu.kernels.tables import (
    HYPER_COLUMNS,
    LATER_LAYERS,
    LAYER_COLUMNS,
    ROUTINES,
    Space,
    Theta,
)

# Of `later_layers`: up to `rows`, up to `gradient`, up to `weighted`, and the rest.
_NETWORK = (INTEGER, INTEGERS, INTEGER, INTEGER, INTEGER)
_VECTORS = (NUMBERS, INTEGER, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
_CONSTANTS = (NUMBER, INTEGERS, INTEGERS, NUMBER, NUMBERS, INTEGER)
_BATCH = (NUMBERS, INTEGER, INTEGERS, INTEGER, NUMBERS, NUMBERS)


@routine(*_NETWORK, *_VECTORS, *_CONSTANTS, *_BATCH)
def later_layers(
    gemm,
    layers,
    depth,
    shift,
    rows,
    parameters,
    size,
    velocity,
    A,
    dZ,
    gradient,
    tiny,
    clock,
    routines,
    loss_parameter,
    weights,
    weighted,
    Y,
    outputs,
    order,
    loss,
    losses,
    hyper,
):
    """Step in every layer after the first; write dZ of the first layer's outputs.

    layers: of the network, `depth` rows; parameters: `size` of them; Y: of all rows, `outputs`
    apart; order: of the batch; losses: of the batch, written; the rest as in `step`.
    """
    table = rows_at(layers, depth, LAYER_COLUMNS)
    theta = Theta(at(parameters, 0, size), at(velocity, 0, size))
    now, h = at(clock, 0, 3), at(hyper, 0, HYPER_COLUMNS)
    space = Space(
        at(A, 0, 1),
        at(dZ, 0, 1),
        at(gradient, 0, 1),
        tiny,
        now,
        at(routines, 0, ROUTINES),
        loss_parameter,
        at(weights, 0, weighted),
    )
    where, seen = at(order, 0, rows), at(losses, 0, rows)
    targets = rows_at(Y, rows, outputs)
    forward_later_layers(gemm, table, shift, rows, theta.parameters, space.A, space.routines, now)
    loss_rows(table, shift, rows, targets, where, loss, space, seen)
    backward_later_layers(gemm, table, shift, rows, theta, space, h, now)


@inlined_kernel
def step_later_layers(
    gemm, shift, rows, layers, Y, order, loss, theta, space, hyper, losses, clock
):
    """Call `later_layers` for some rows of a network."""
    # Without momentum there is no velocity, and its address is not read.
    call(
        space.routines[LATER_LAYERS],
        gemm,
        layers,
        layers.shape[0],
        shift,
        rows,
        theta.parameters,
        theta.parameters.shape[0],
        theta.velocity,
        space.A,
        space.dZ,
        space.gradient,
        space.tiny,
        clock,
        space.routines,
        space.loss_parameter,
        space.weights,
        space.weights.shape[0],
        Y,
        Y.shape[1],
        order,
        loss,
        losses,
        hyper,
    )
