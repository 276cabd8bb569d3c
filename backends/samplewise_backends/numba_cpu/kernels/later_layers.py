"""What a step does behind the first layer, as one routine.

Every plan of a dense first layer calls it once a step and network. Compiled into each of them, it
took two thirds of their compile times; a call costs some nanoseconds.
"""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import (
    INTEGER,
    INTEGERS,
    NUMBER,
    NUMBERS,
    inlined_kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.views import at, call, rows_at
from samplewise_backends.numba_cpu.kernels.step import backward_behind, forward_behind, loss_rows
from samplewise_backends.numba_cpu.kernels.tables import (
    BEHIND,
    LAYER_COLUMNS,
    ROUTINES,
    RULE_COLUMNS,
    Space,
    Theta,
)


@routine(
    *(INTEGER, INTEGERS, INTEGER, INTEGER, INTEGER),
    *(NUMBERS, INTEGER, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    *(NUMBER, INTEGERS, INTEGERS, NUMBER, NUMBERS, INTEGER),
    *(NUMBERS, INTEGER, INTEGERS, INTEGER, NUMBERS, NUMBERS),
)
def behind(
    gemm,
    layers,
    depth,
    shift,
    rows,
    parameters,
    size,
    velocity,
    values,
    deltas,
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
    rule,
):
    """Step in every layer behind the first, whose outputs are there; write their deltas.

    layers: of the network, `depth` rows; parameters: `size` of them; Y: of all rows, `outputs`
    apart; order: of the batch; losses: likewise, written; the rest as in `step`.
    """
    table = rows_at(layers, depth, LAYER_COLUMNS)
    theta = Theta(at(parameters, 0, size), at(velocity, 0, size))
    now, law = at(clock, 0, 3), at(rule, 0, RULE_COLUMNS)
    space = Space(
        at(values, 0, 1),
        at(deltas, 0, 1),
        at(gradient, 0, 1),
        tiny,
        now,
        at(routines, 0, ROUTINES),
        loss_parameter,
        at(weights, 0, weighted),
    )
    where, seen = at(order, 0, rows), at(losses, 0, rows)
    targets = rows_at(Y, rows, outputs)
    forward_behind(gemm, table, shift, rows, theta.parameters, space.values, space.routines, now)
    loss_rows(table, shift, rows, targets, where, loss, space, seen)
    backward_behind(gemm, table, shift, rows, theta, space, law, now)


@inlined_kernel
def step_behind(gemm, shift, rows, layers, Y, order, loss, theta, space, rule, losses, clock):
    """Call `behind` for some rows of a network."""
    # Where there is no state, what is behind the address is not read.
    call(
        space.routines[BEHIND],
        gemm,
        layers,
        layers.shape[0],
        shift,
        rows,
        theta.parameters,
        theta.parameters.shape[0],
        theta.velocity,
        space.values,
        space.deltas,
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
        rule,
    )
