"""The two routines through which kernels call every layer but the dense one."""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, routine
from samplewise_backends.numba_cpu.compile.views import part, record_at, vector_at
from samplewise_backends.numba_cpu.kernels.codes import Kind
from samplewise_backends.numba_cpu.kernels.layers.channel_order import channels_first, channels_last
from samplewise_backends.numba_cpu.kernels.layers.conv import (
    begin_backward,
    begin_forward,
    conv_backward,
    conv_forward,
    end_backward,
)
from samplewise_backends.numba_cpu.kernels.layers.dropout import dropout_backward, dropout_forward
from samplewise_backends.numba_cpu.kernels.layers.layer_norm import norm_backward, norm_forward
from samplewise_backends.numba_cpu.kernels.layers.pooling import (
    average_backward,
    average_forward,
    max_backward,
    max_forward,
)
from samplewise_backends.numba_cpu.kernels.records import LANES, LAYER, NETWORK
from samplewise_backends.numba_cpu.kernels.step import gradients_at


@inlined_kernel
def _scratch_of(layer, A):
    return part(A, layer.scratch, A.shape[0] - layer.scratch)


@inlined_kernel
def _row(buffer, start, length):
    """Return a row of a buffer, with the elements beyond it that vectors reach."""
    return part(buffer, start, min(length + LANES, buffer.shape[0] - start))


@inlined_kernel
def _inputs_in(net, A):
    """Return the vector with the batch's inputs of the layer, where they start, and their `ld`."""
    if net.layer == 0:
        return vector_at(net.X, net.rows * net.inputs, net.tiny), 0, net.inputs
    previous = record_at(net.layers, net.layer - 1, LAYER, net.tiny)
    return A, previous.out + (net.shift if net.layer == 1 else 0), previous.ld


@routine(NETWORK)
def layer_forward(net):
    """Write the outputs of layer `net.layer` before the activation, for the batch."""
    A = vector_at(net.A, net.buffered, net.tiny)
    layer = record_at(net.layers, net.layer, LAYER, net.tiny)
    a, first, a_ld = _inputs_in(net, A)
    parameters = vector_at(net.parameters, net.size, net.tiny)
    weights = part(parameters, layer.weight, layer.weights)
    bias = part(parameters, layer.bias, layer.biases)
    scratch = _scratch_of(layer, A)
    if layer.kind == Kind.CONV:
        begin_forward(layer, weights, bias, scratch)
    for r in range(net.rows):
        at = r * layer.ld
        x, z = _row(a, first + r * a_ld, layer.inputs), _row(A, layer.out + at, layer.units)
        saved = _row(A, layer.saved + at, layer.units)
        if layer.kind == Kind.CONV:
            conv_forward(layer, x, z, saved, scratch)
        elif layer.kind == Kind.MAX_POOL:
            max_forward(layer, x, z, saved)
        elif layer.kind == Kind.AVG_POOL:
            average_forward(layer, x, z)
        elif layer.kind == Kind.LAYER_NORM:
            norm_forward(layer, x, weights, bias, z)
        elif layer.kind == Kind.DROPOUT:
            dropout_forward(layer, net.dropout_key, net.position + r, x, z, saved)
        elif layer.kind == Kind.CHANNELS_LAST:
            channels_last(layer, x, z)
        elif layer.kind == Kind.CHANNELS_FIRST:
            channels_first(layer, x, z)
        else:
            for i in range(layer.units):
                z[i] = x[i]


@routine(NETWORK)
def layer_backward(net):
    """Write the gradients of the parameters of layer `net.layer`, and of its inputs.

    Those of inputs before the first trained parameters are not needed, and those of frozen
    parameters are 0.
    """
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    layer = record_at(net.layers, net.layer, LAYER, net.tiny)
    a, first, a_ld = _inputs_in(net, A)
    weights = part(vector_at(net.parameters, net.size, net.tiny), layer.weight, layer.weights)
    gradients = vector_at(net.gradient, net.gradient_size, net.tiny)
    at_weight, at_bias = gradients_at(net, layer)
    gradient = part(gradients, at_weight, layer.weights)
    bias_gradient = part(gradients, at_bias, layer.biases)
    for i in range(gradient.shape[0]):
        gradient[i] = 0
    for i in range(bias_gradient.shape[0]):
        bias_gradient[i] = 0
    scratch, wanted = _scratch_of(layer, A), layer.wanted != 0
    if layer.kind == Kind.CONV:
        begin_backward(layer, weights, scratch)
    for r in range(net.rows):
        at = r * layer.ld
        x, dz = _row(a, first + r * a_ld, layer.inputs), _row(dZ, layer.out + at, layer.units)
        # Of the first layer it is never wanted.
        dX = _row(dZ, first + r * a_ld, layer.inputs)
        saved = _row(A, layer.saved + at, layer.units)
        if layer.kind == Kind.CONV:
            conv_backward(layer, x, saved, dz, dX, scratch)
        elif layer.kind == Kind.LAYER_NORM:
            norm_backward(layer, x, weights, dz, dX, wanted, gradient, bias_gradient)
        elif not wanted:
            continue
        elif layer.kind == Kind.MAX_POOL:
            max_backward(layer, saved, dz, dX)
        elif layer.kind == Kind.AVG_POOL:
            average_backward(layer, dz, dX)
        elif layer.kind == Kind.DROPOUT:
            dropout_backward(layer, saved, dz, dX)
        elif layer.kind == Kind.CHANNELS_LAST:
            channels_first(layer, dz, dX)
        elif layer.kind == Kind.CHANNELS_FIRST:
            channels_last(layer, dz, dX)
        else:
            for i in range(layer.units):
                dX[i] = dz[i]
    if layer.kind == Kind.CONV and layer.trained:
        end_backward(layer, gradient, bias_gradient, scratch)
