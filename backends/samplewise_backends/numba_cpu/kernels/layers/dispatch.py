"""The two routines through which kernels call every layer but the dense one."""

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
def layer_forward(gemm, rows, layer, clock, a, a_ld, parameters, z, saved, scratch):
    """Write the outputs of `rows` rows before the activation.

    layer: a row of the table; clock: of the network; a: inputs, rows `a_ld` apart; parameters: of
    the network; z: outputs; saved: laid out likewise, for `layer_backward`; scratch: of an image.
    """
    table, now = at(layer, 0, LAYER_COLUMNS), at(clock, 0, 3)
    kind, inputs, units, ld = table[KIND], table[INPUTS], table[UNITS], table[LD]
    weights = at(parameters, table[WEIGHT], table[WEIGHTS])
    bias = at(parameters, table[BIAS], table[BIASES])
    work = at(scratch, 0, 1)
    for r in range(rows):
        x, out, left = at(a, r * a_ld, inputs), at(z, r * ld, units), at(saved, r * ld, units)
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


# Of `layer_backward`: inputs and parameters; outputs with their gradients; written arrays.
_GIVEN = (INTEGER, INTEGER, INTEGERS, NUMBERS, INTEGER, NUMBERS)
_OUTPUTS = (NUMBERS, NUMBERS, NUMBERS)
_WRITTEN = (NUMBERS, INTEGER, NUMBERS, NUMBERS, NUMBERS)


@routine(*_GIVEN, *_OUTPUTS, *_WRITTEN)
def layer_backward(
    gemm, rows, layer, a, a_ld, parameters, z, saved, dz, dX, dX_ld, g_w, g_b, scratch
):
    """Write the gradients of weights and biases from g_w and g_b on, and dX.

    dz: of the outputs before the activation; dX: not written where `dX_ld` is 0; the rest as in
    `layer_forward`.
    """
    table = at(layer, 0, LAYER_COLUMNS)
    kind, inputs, units, ld = table[KIND], table[INPUTS], table[UNITS], table[LD]
    weights = at(parameters, table[WEIGHT], table[WEIGHTS])
    gradient, bias_gradient = at(g_w, 0, table[WEIGHTS]), at(g_b, 0, table[BIASES])
    for i in range(gradient.shape[0]):
        gradient[i] = 0
    for i in range(bias_gradient.shape[0]):
        bias_gradient[i] = 0
    work, wanted = at(scratch, 0, 1), dX_ld > 0
    for r in range(rows):
        x, d = at(a, r * a_ld, inputs), at(dz, r * ld, units)
        out, left = at(dX, r * dX_ld, inputs), at(saved, r * ld, units)
        if kind == CONV:
            values, grads = at(z, r * ld, units), bias_gradient
            conv_backward(
                gemm, table, x, weights, values, left, d, out, wanted, gradient, grads, work
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
