"""One step of each optimizer and its penalties, in one pass over parameters and state.

A state that fades is set to 0 before it becomes subnormal: subnormal numbers were measured to slow
a step tenfold on some processors.
"""

import math

from samplewise_backends.numba_cpu.compile.jit import (
    inlined_kernel,
    kernel,
    reordered_kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.vectors import lanes_of
from samplewise_backends.numba_cpu.compile.views import part, vector_at
from samplewise_backends.numba_cpu.kernels.adam import (
    adam_numbers,
    adam_outer_passes,
    adam_passes,
    can_be_ahead,
)
from samplewise_backends.numba_cpu.kernels.codes import OptimizerCode
from samplewise_backends.numba_cpu.kernels.layers.dense import outer_product
from samplewise_backends.numba_cpu.kernels.records import NETWORK


@routine(NETWORK)
def update(net):
    """Take one step in the parameters `net.updated`; their gradient is used up."""
    hyper, updated, tiny = net.hyper, net.updated, net.tiny
    first, count = updated.first, updated.count
    theta = part(vector_at(net.parameters, net.size, tiny), first, count)
    g = part(vector_at(net.gradient, net.gradient_size, tiny), updated.gradient, count)
    slots = vector_at(net.slots, net.slots_size, tiny)
    v, second = part(slots, first, count), part(slots, net.size + first, count)
    penalties = _penalties(hyper, updated.penalised)
    if hyper.optimizer == OptimizerCode.ADAM:
        _adam(net, theta, v, second, g, penalties)
        return
    if updated.inputs > 0:
        _write_outer(net, g)
    _limit(g, hyper.clip_value)
    if _sums_squares(net):
        net.squares += _square_sum(theta)
    if hyper.optimizer == OptimizerCode.RMSPROP:
        _rmsprop(theta, v, g, hyper, penalties, tiny)
    elif hyper.optimizer == OptimizerCode.ADAGRAD:
        _adagrad(theta, v, g, hyper, penalties)
    elif hyper.momentum == 0:
        _plain(theta, g, hyper, penalties)
    else:
        _momentum(theta, v, g, hyper, penalties, tiny)


@inlined_kernel
def _factors(net):
    """Return x and dz of a gradient dz x^T."""
    updated = net.updated
    inputs, units = updated.inputs, updated.count // updated.inputs
    return vector_at(updated.x, inputs, net.tiny), vector_at(updated.dz, units, net.tiny)


@inlined_kernel
def _next_of(net):
    """Return the next row, its biases and where its products go; no inputs: it is not wanted."""
    updated, tiny = net.updated, net.tiny
    inputs, units = updated.inputs, updated.count // updated.inputs
    wanted = updated.next_x != 0 and can_be_ahead(inputs, tiny)
    if wanted:
        net.ahead = 1
    next_x = vector_at(updated.next_x, inputs if wanted else 0, tiny)
    return next_x, vector_at(updated.bias, units, tiny), vector_at(updated.z, units, tiny)


@inlined_kernel
def _write_outer(net, g):
    """Write the gradient that is given as dz x^T."""
    x, dz = _factors(net)
    outer_product(dz, x, g)


@inlined_kernel
def _sums_squares(net):
    """Return True if the step has an L2 of its own, which shrinks these parameters."""
    return net.updated.penalised != 0 and net.hyper.step_l2 > 0


@kernel
def _limit(g, most):
    if most == math.inf:
        return
    for i in range(g.shape[0]):
        # A NaN is neither above nor below, and stays.
        g[i] = most if g[i] > most else (-most if g[i] < -most else g[i])


@kernel
def _penalties(hyper, penalised):
    """Return L1, L2 and the share that decays, and whether there are any, one by one."""
    l1, l2, shrink = hyper.l1, hyper.l2 + hyper.step_l2, hyper.rate * hyper.weight_decay
    has_l1, decays = penalised != 0 and l1 != 0, penalised != 0 and shrink != 0
    return l1, l2, shrink, has_l1, penalised != 0 and l2 != 0, decays


@kernel
def _penalised(theta, g, i, penalties):
    """Return a parameter that has decayed, and its gradient with that of the penalties."""
    l1, l2, shrink, has_l1, has_l2, decays = penalties
    w, slope, zero = theta[i], g[i], theta.dtype.type(0)
    if has_l1:
        slope += l2 * w + (l1 if w > zero else (-l1 if w < zero else zero))
    elif has_l2:
        slope += l2 * w
    return (w - shrink * w if decays else w), slope


@reordered_kernel
def _square_sum(theta):
    total = 0.0
    for i in range(theta.shape[0]):
        total += float(theta[i]) * float(theta[i])
    return total


@kernel
def _plain(theta, g, hyper, penalties):
    rate = hyper.rate
    for i in range(theta.shape[0]):
        w, slope = _penalised(theta, g, i, penalties)
        theta[i] = w - rate * slope


@kernel
def _momentum(theta, velocity, g, hyper, penalties, tiny):
    rate, mu, zero, one = hyper.rate, hyper.momentum, theta.dtype.type(0), theta.dtype.type(1)
    ahead = hyper.nesterov != 0
    # The rate multiplies the gradient on its way into the velocity, or the whole step.
    of_g, of_step = (rate, one) if hyper.rate_in_velocity != 0 else (one, rate)
    for i in range(theta.shape[0]):
        w, slope = _penalised(theta, g, i, penalties)
        new = of_g * slope
        v = mu * velocity[i] + new
        v = zero if abs(v) < tiny else v
        velocity[i] = v
        theta[i] = w - of_step * (new + mu * v if ahead else v)


@inlined_kernel
def _adam(net, theta, mean, square, g, penalties):
    """Take Adam's step: its passes know an L2 penalty, and all else is done before them."""
    hyper, updated = net.hyper, net.updated
    _, _, _, has_l1, has_l2, decays = penalties
    known = not has_l1 and not decays and hyper.clip_value == math.inf
    outer = known and updated.inputs > 0 and updated.inputs % lanes_of(theta) == 0
    if updated.inputs > 0 and not outer:
        _write_outer(net, g)
    if not known:
        _limit(g, hyper.clip_value)
        if _sums_squares(net):
            net.squares += _square_sum(theta)
        _penalise(theta, g, penalties)
    numbers = adam_numbers(hyper, theta, net.step + 1, net.tiny)
    if outer:
        x, dz = _factors(net)
        next_x, bias, z = _next_of(net)
        total = adam_outer_passes(theta, mean, square, g, x, dz, next_x, bias, z, has_l2, numbers)
    else:
        total = adam_passes(theta, mean, square, g, has_l2 and known, numbers)
    if known and _sums_squares(net):
        net.squares += total


@kernel
def _penalise(theta, g, penalties):
    """Let the parameters decay, and add the gradient of the penalties to g."""
    for i in range(theta.shape[0]):
        theta[i], g[i] = _penalised(theta, g, i, penalties)


@kernel
def _rmsprop(theta, square, g, hyper, penalties, tiny):
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    rate, new, epsilon = hyper.rate, hyper.new_square, hyper.epsilon
    for i in range(theta.shape[0]):
        w, slope = _penalised(theta, g, i, penalties)
        v = (one - new) * square[i] + new * (slope * slope)
        v = zero if v < tiny else v
        square[i] = v
        theta[i] = w - rate * slope / (math.sqrt(v) + epsilon)


@kernel
def _adagrad(theta, square, g, hyper, penalties):
    rate, epsilon = hyper.rate, hyper.epsilon
    for i in range(theta.shape[0]):
        w, slope = _penalised(theta, g, i, penalties)
        v = square[i] + slope * slope
        square[i] = v
        theta[i] = w - rate * slope / (math.sqrt(v) + epsilon)
