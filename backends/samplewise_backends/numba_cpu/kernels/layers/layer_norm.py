"""Layer normalisation of one sample: forward beside backward."""

import math

from samplewise_backends.numba_cpu.compile.jit import kernel, reordered_kernel


@reordered_kernel
def _mean(layer, x):
    total = x.dtype.type(0)
    for i in range(layer.units):
        total += x[i]
    return total / x.dtype.type(layer.units)


@reordered_kernel
def _variance(layer, x, mean):
    total = x.dtype.type(0)
    for i in range(layer.units):
        total += (x[i] - mean) * (x[i] - mean)
    return total / x.dtype.type(layer.units)


@kernel
def _mean_and_factor(layer, x):
    """Return the mean, and 1 / deviation."""
    mean = _mean(layer, x)
    deviation = math.sqrt(_variance(layer, x, mean) + x.dtype.type(layer.epsilon))
    return mean, x.dtype.type(1) / deviation


@kernel
def norm_forward(layer, x, weights, bias, z):
    """Write w n + b, with n = (x - mean) / sqrt(variance + epsilon)."""
    mean, factor = _mean_and_factor(layer, x)
    for i in range(layer.units):
        z[i] = weights[i] * ((x[i] - mean) * factor) + bias[i]


@reordered_kernel
def _sums_of(layer, dz, weights, x, mean, factor):
    """Return the means of dn and of dn n, with dn = w dz."""
    total, along = x.dtype.type(0), x.dtype.type(0)
    for i in range(layer.units):
        d = weights[i] * dz[i]
        total += d
        along += d * ((x[i] - mean) * factor)
    count = x.dtype.type(layer.units)
    return total / count, along / count


@kernel
def norm_backward(layer, x, weights, dz, dX, wanted, gradient, bias_gradient):
    """Add to the gradients; write (dn - mean(dn) - n mean(dn n)) / deviation where wanted.

    A frozen layer's gradients stay as they are.
    """
    mean, factor = _mean_and_factor(layer, x)
    for i in range(layer.units if layer.trained else 0):
        gradient[i] += dz[i] * ((x[i] - mean) * factor)
        bias_gradient[i] += dz[i]
    if not wanted:
        return
    total, along = _sums_of(layer, dz, weights, x, mean, factor)
    for i in range(layer.units):
        n = (x[i] - mean) * factor
        dX[i] = (weights[i] * dz[i] - total - n * along) * factor
