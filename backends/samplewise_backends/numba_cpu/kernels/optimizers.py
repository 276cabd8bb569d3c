"""One step of each optimizer, in one pass over parameters and state.

A state that fades is set to 0 before it becomes subnormal: subnormal numbers were measured to slow
a step tenfold on some processors.
"""

import math

from samplewise_backends.numba_cpu.compile.jit import kernel, reordered_kernel, routine
from samplewise_backends.numba_cpu.compile.views import part, vector_at
from samplewise_backends.numba_cpu.kernels.codes import OptimizerCode
from samplewise_backends.numba_cpu.kernels.records import NETWORK


@routine(NETWORK)
def update(net):
    """Take one step in the parameters `net.updated`; their gradient is used up."""
    hyper, tiny, first, count = net.hyper, net.tiny, net.updated.first, net.updated.count
    theta = part(vector_at(net.parameters, net.size, tiny), first, count)
    g = part(vector_at(net.gradient, net.gradient_size, tiny), net.updated.gradient, count)
    slots, t = vector_at(net.slots, net.slots_size, tiny), net.step + 1
    v, second = part(slots, first, count), part(slots, net.size + first, count)
    _limit(g, hyper.clip_value)
    if net.updated.penalised:
        if hyper.step_l2 > 0:
            net.squares += _square_sum(theta)
        _penalise(theta, g, hyper)
    if hyper.optimizer == OptimizerCode.ADAM:
        _adam(theta, v, second, g, hyper, t, tiny)
    elif hyper.optimizer == OptimizerCode.RMSPROP:
        _rmsprop(theta, v, g, hyper, tiny)
    elif hyper.optimizer == OptimizerCode.ADAGRAD:
        _adagrad(theta, v, g, hyper)
    elif hyper.momentum == 0:
        rate = hyper.rate
        for i in range(count):
            theta[i] -= rate * g[i]
    else:
        _momentum(theta, v, g, hyper, tiny)


@kernel
def _limit(g, most):
    if most == math.inf:
        return
    for i in range(g.shape[0]):
        # A NaN is neither above nor below, and stays.
        g[i] = most if g[i] > most else (-most if g[i] < -most else g[i])


@kernel
def _penalise(theta, g, hyper):
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    l1, l2, shrink = hyper.l1, hyper.l2 + hyper.step_l2, hyper.rate * hyper.weight_decay
    if l1 == zero and l2 == zero and shrink == zero:
        return
    for i in range(theta.shape[0]):
        w = theta[i]
        sign = one if w > zero else (-one if w < zero else zero)
        g[i] += l2 * w + l1 * sign
        theta[i] = w - shrink * w


@reordered_kernel
def _square_sum(theta):
    total = 0.0
    for i in range(theta.shape[0]):
        total += float(theta[i]) * float(theta[i])
    return total


@kernel
def _momentum(theta, velocity, g, hyper, tiny):
    rate, mu, zero, one = hyper.rate, hyper.momentum, theta.dtype.type(0), theta.dtype.type(1)
    ahead = hyper.nesterov != 0
    # The rate multiplies the gradient on its way into the velocity, or the whole step.
    of_g, of_step = (rate, one) if hyper.rate_in_velocity != 0 else (one, rate)
    for i in range(theta.shape[0]):
        new = of_g * g[i]
        v = mu * velocity[i] + new
        v = zero if abs(v) < tiny else v
        velocity[i] = v
        theta[i] -= of_step * (new + mu * v if ahead else v)


@kernel
def _adam(theta, mean, square, g, hyper, t, tiny):
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    new, new_square, epsilon = hyper.new, hyper.new_square, hyper.epsilon
    # In float64: 0.999 as a float32 is off by a hundred-thousandth of 1 - 0.999.
    beta, beta_square = 1.0 - float(new), 1.0 - float(new_square)
    rate = theta.dtype.type(float(hyper.rate) / (1.0 - beta**t))
    correction = theta.dtype.type(1.0 / math.sqrt(1.0 - beta_square**t))
    # Added to the root before its correction.
    epsilon = epsilon * correction if hyper.epsilon_hat != 0 else epsilon
    old, old_square = one - new, one - new_square
    for i in range(theta.shape[0]):
        m = old * mean[i] + new * g[i]
        v = old_square * square[i] + new_square * (g[i] * g[i])
        m = zero if abs(m) < tiny else m
        v = zero if v < tiny else v
        mean[i] = m
        square[i] = v
        theta[i] -= rate * m / (math.sqrt(v) * correction + epsilon)


@kernel
def _rmsprop(theta, square, g, hyper, tiny):
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    rate, new, epsilon = hyper.rate, hyper.new_square, hyper.epsilon
    for i in range(theta.shape[0]):
        v = (one - new) * square[i] + new * (g[i] * g[i])
        v = zero if v < tiny else v
        square[i] = v
        theta[i] -= rate * g[i] / (math.sqrt(v) + epsilon)


@kernel
def _adagrad(theta, square, g, hyper):
    rate, epsilon = hyper.rate, hyper.epsilon
    for i in range(theta.shape[0]):
        v = square[i] + g[i] * g[i]
        square[i] = v
        theta[i] -= rate * g[i] / (math.sqrt(v) + epsilon)
