"""The two routines through which kernels call every layer but the dense one."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import INTEGER, INTEGERS, NUMBERS, routine
from samplewise_backends.numba_cpu.compile.views import at
from samplewise_backends.numba_cpu.kernels.layers.conv import conv_backward, conv_forward
from samplewise_backends.numba_cpu.kernels.layers.dropout import dropout_backward, dropout_forward
from samplewise_backends.numba_cpu.kernels.layers.layer_norm import norm_backward, norm_forward
from samplewise_backends.numba_cpu.kernels.layers.pooling import (
    average_backward,
    average_forward,
    max_backward,
    max_forward,
)
from samplewise_backends.numba_cpu.kernels.tables import (
    AVG_POOL,
    BIAS,
    BIASES,
    CONV,
    DROPOUT,
    INPUTS,
    KIND,
    LAYER_COLUMNS,
    LAYER_NORM,
    LD,
    MAX_POOL,
    UNITS,
    WEIGHT,
    WEIGHTS,
)


@routine(INTEGER, INTEGER, INTEGERS, INTEGERS, NUMBERS, INTEGER, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def layer_forward(gemm, rows, layer, clock, a, a_ld, parameters, z, kept, scratch):
    """Write the outputs of `rows` rows before the activation.

    layer: a row of the table; clock: of the network; a: inputs, rows `a_ld` apart; parameters: of
    the network; z: outputs; kept: likewise, for `layer_backward`; scratch: of an image.
    """
    table, now = at(layer, 0, LAYER_COLUMNS), at(clock, 0, 3)
    kind, inputs, units, ld = table[KIND], table[INPUTS], table[UNITS], table[LD]
    weights = at(parameters, table[WEIGHT], table[WEIGHTS])
    bias = at(parameters, table[BIAS], table[BIASES])
    work = at(scratch, 0, 1)
    for r in range(rows):
        x, out, left = at(a, r * a_ld, inputs), at(z, r * ld, units), at(kept, r * ld, units)
        if kind == CONV:
            conv_forward(gemm, table, x, weights, bias, out, left, work)
        elif kind == MAX_POOL:
            max_forward(table, x, out, left)
        elif kind == AVG_POOL:
            average_forward(table, x, out)
        elif kind == LAYER_NORM:
            norm_forward(table, x, weights, bias, out)
        elif kind == DROPOUT:
            dropout_forward(table, now, r, x, out, left)
        else:
            for i in range(units):
                out[i] = x[i]


@routine(
    *(INTEGER, INTEGER, INTEGERS, NUMBERS, INTEGER, NUMBERS, NUMBERS),
    *(NUMBERS, NUMBERS, NUMBERS, INTEGER, NUMBERS, NUMBERS, NUMBERS),
)
def layer_backward(
    gemm, rows, layer, a, a_ld, parameters, z, kept, delta, below, below_ld, g_w, g_b, scratch
):
    """Write the gradients of weights and biases behind g_w and g_b, and the deltas of the inputs.

    delta: of the outputs before the activation; below: not written where `below_ld` is 0; the rest
    as in `layer_forward`.
    """
    table = at(layer, 0, LAYER_COLUMNS)
    kind, inputs, units, ld = table[KIND], table[INPUTS], table[UNITS], table[LD]
    weights = at(parameters, table[WEIGHT], table[WEIGHTS])
    gradient, bias_gradient = at(g_w, 0, table[WEIGHTS]), at(g_b, 0, table[BIASES])
    for i in range(gradient.shape[0]):
        gradient[i] = 0
    for i in range(bias_gradient.shape[0]):
        bias_gradient[i] = 0
    work, wanted = at(scratch, 0, 1), below_ld > 0
    for r in range(rows):
        x, d = at(a, r * a_ld, inputs), at(delta, r * ld, units)
        out, left = at(below, r * below_ld, inputs), at(kept, r * ld, units)
        if kind == CONV:
            conv_backward(
                *(gemm, table, x, weights, at(z, r * ld, units), left, d),
                *(out, wanted, gradient, bias_gradient, work),
            )
        elif kind == LAYER_NORM:
            norm_backward(table, x, weights, d, out, wanted, gradient, bias_gradient)
        elif not wanted:
            continue
        elif kind == MAX_POOL:
            max_backward(table, left, d, out)
        elif kind == AVG_POOL:
            average_backward(table, d, out)
        elif kind == DROPOUT:
            dropout_backward(left, d, out)
        else:
            for i in range(units):
                out[i] = d[i]
