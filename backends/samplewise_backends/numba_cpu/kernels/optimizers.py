"""One step of each optimizer, in one pass over parameters and state.

A state that fades is set to 0 before it becomes subnormal: subnormal numbers were measured to slow
a step tenfold on some processors.
"""

import math

from samplewise_backends.numba_cpu.compile.jit import (
    INTEGER,
    INTEGERS,
    NUMBER,
    NUMBERS,
    kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.views import at
from samplewise_backends.numba_cpu.kernels.tables import (
    ADAGRAD,
    ADAM,
    CLIP_VALUE,
    DECAY,
    EPSILON,
    HYPER_COLUMNS,
    L1,
    L2,
    MOMENTUM,
    NESTEROV,
    NEW,
    NEW_SQUARE,
    OPTIMIZER,
    RATE,
    RMSPROP,
    STEP,
)


@routine(NUMBERS, NUMBER, INTEGERS, INTEGER, INTEGER, NUMBERS, NUMBERS, INTEGER, NUMBERS)
def update(hyper, tiny, clock, count, penalised, parameters, state, slot, gradient):
    """Take one step in `count` parameters.

    hyper: the hyperparameters, a row of the table; clock: of the network, with the steps before
    this one; penalised: 1 where penalties shrink these; state: of the first slot, the second starts
    `slot` elements later; gradient: used up.
    """
    h, theta, g = at(hyper, 0, HYPER_COLUMNS), at(parameters, 0, count), at(gradient, 0, count)
    v, second = at(state, 0, count), at(state, slot, count)
    code, t = h[OPTIMIZER], at(clock, 0, STEP + 1)[STEP] + 1
    _limit(g, h[CLIP_VALUE])
    if penalised:
        _penalise(theta, g, h)
    if code == ADAM:
        _adam(theta, v, second, g, h, t, tiny)
    elif code == RMSPROP:
        _rmsprop(theta, v, g, h, tiny)
    elif code == ADAGRAD:
        _adagrad(theta, v, g, h)
    elif h[MOMENTUM] == 0:
        rate = h[RATE]
        for i in range(count):
            theta[i] -= rate * g[i]
    else:
        _momentum(theta, v, g, h, tiny)


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
    l1, l2, shrink = hyper[L1], hyper[L2], hyper[RATE] * hyper[DECAY]
    if l1 == zero and l2 == zero and shrink == zero:
        return
    for i in range(theta.shape[0]):
        w = theta[i]
        sign = one if w > zero else (-one if w < zero else zero)
        g[i] += l2 * w + l1 * sign
        theta[i] = w - shrink * w


@kernel
def _momentum(theta, velocity, g, hyper, tiny):
    rate, mu, zero = hyper[RATE], hyper[MOMENTUM], theta.dtype.type(0)
    ahead = hyper[NESTEROV] != zero
    for i in range(theta.shape[0]):
        v = mu * velocity[i] + g[i]
        v = zero if abs(v) < tiny else v
        velocity[i] = v
        theta[i] -= rate * (g[i] + mu * v if ahead else v)


@kernel
def _adam(theta, mean, square, g, hyper, t, tiny):
    zero, one = theta.dtype.type(0), theta.dtype.type(1)
    new, new_square, epsilon = hyper[NEW], hyper[NEW_SQUARE], hyper[EPSILON]
    # In float64: 0.999 as a float32 is off by a hundred-thousandth of 1 - 0.999.
    beta, beta_square = 1.0 - float(new), 1.0 - float(new_square)
    rate = theta.dtype.type(float(hyper[RATE]) / (1.0 - beta**t))
    correction = theta.dtype.type(1.0 / math.sqrt(1.0 - beta_square**t))
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
    rate, new, epsilon = hyper[RATE], hyper[NEW_SQUARE], hyper[EPSILON]
    for i in range(theta.shape[0]):
        v = (one - new) * square[i] + new * (g[i] * g[i])
        v = zero if v < tiny else v
        square[i] = v
        theta[i] -= rate * g[i] / (math.sqrt(v) + epsilon)


@kernel
def _adagrad(theta, square, g, hyper):
    rate, epsilon = hyper[RATE], hyper[EPSILON]
    for i in range(theta.shape[0]):
        v = square[i] + g[i] * g[i]
        square[i] = v
        theta[i] -= rate * g[i] / (math.sqrt(v) + epsilon)
