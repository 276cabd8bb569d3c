"""Limits of the whole gradient, which is known before the first step of an optimizer then."""

import math

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, reordered_kernel
from samplewise_backends.numba_cpu.compile.views import part, record_at
from samplewise_backends.numba_cpu.kernels.records import LAYER
from samplewise_backends.numba_cpu.kernels.step import update_layer


@inlined_kernel
def limit_and_update(net, gradient):
    """Limit the gradient of all parameters, and take one step in those that are trained."""
    _limit(net, gradient)
    for k in range(net.depth):
        update_layer(net, record_at(net.layers, k, LAYER, net.tiny))


@kernel
def _limit(net, gradient):
    """Clip each entry of the gradient, then its norm, also where squares overflow."""
    largest, most = net.hyper.clip_value, net.hyper.clip_norm
    for i in range(gradient.shape[0]):
        # A NaN is not above, and stays.
        if abs(gradient[i]) > largest:
            gradient[i] = math.copysign(largest, gradient[i])
    norm, scale = _norm(net, gradient), gradient.dtype.type(1)
    if norm == math.inf:
        scale = _largest(net, gradient)
        for i in range(gradient.shape[0]):
            gradient[i] /= scale
        norm = _norm(net, gradient)
    factor = scale if norm <= most / scale else most / norm
    if factor == gradient.dtype.type(1):
        return
    for i in range(gradient.shape[0]):
        gradient[i] *= factor


@kernel
def _norm(net, gradient):
    """Return the norm over the layers that are trained: all else is left of earlier steps."""
    total = gradient.dtype.type(0)
    for k in range(net.depth):
        layer = record_at(net.layers, k, LAYER, net.tiny)
        if layer.trained:
            total += _square_sum(part(gradient, layer.weight, layer.weights))
            total += _square_sum(part(gradient, layer.bias, layer.biases))
    return math.sqrt(total)


@kernel
def _largest(net, gradient):
    """Return the largest absolute value in the layers that are trained."""
    largest = gradient.dtype.type(0)
    for k in range(net.depth):
        layer = record_at(net.layers, k, LAYER, net.tiny)
        if layer.trained:
            largest = max(largest, _largest_of(part(gradient, layer.weight, layer.weights)))
            largest = max(largest, _largest_of(part(gradient, layer.bias, layer.biases)))
    return largest


@kernel
def _largest_of(g):
    largest = g.dtype.type(0)
    for i in range(g.shape[0]):
        largest = max(largest, abs(g[i]))
    return largest


@reordered_kernel
def _square_sum(g):
    total = g.dtype.type(0)
    for i in range(g.shape[0]):
        total += g[i] * g[i]
    return total
