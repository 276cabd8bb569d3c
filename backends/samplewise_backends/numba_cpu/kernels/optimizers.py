"""One step of each optimizer and its penalties, in one pass over parameters and state.

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
    if net.updated.penalised and hyper.step_l2 > 0:
        net.squares += _square_sum(theta)
    penalties = _penalties(hyper, net.updated.penalised)
    if hyper.optimizer == OptimizerCode.ADAM:
        _adam(theta, v, second, g, hyper, penalties, t, tiny)
    elif hyper.optimizer == OptimizerCode.RMSPROP:
        _rmsprop(theta, v, g, hyper, penalties, tiny)
    elif hyper.optimizer == OptimizerCode.ADAGRAD:
        _adagrad(theta, v, g, hyper, penalties)
    elif hyper.momentum == 0:
        _plain(theta, g, hyper, penalties)
    else:
        _momentum(theta, v, g, hyper, penalties, tiny)


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


@kernel
def _adam(theta, mean, square, g, hyper, penalties, t, tiny):
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
        w, slope = _penalised(theta, g, i, penalties)
        m = old * mean[i] + new * slope
        v = old_square * square[i] + new_square * (slope * slope)
        m = zero if abs(m) < tiny else m
        v = zero if v < tiny else v
        mean[i] = m
        square[i] = v
        theta[i] = w - rate * m / (math.sqrt(v) * correction + epsilon)


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
