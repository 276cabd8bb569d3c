"""The columns of the tables that describe networks to kernels, and the codes in them.

A new architecture is another table, so it costs no new compile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# A row a layer. WEIGHT and BIAS are offsets into the parameters; OUT is where the layer's outputs
# start in `A`, and their gradients in `dZ`; LD is the distance of two rows there. An activation, a
# pooling or a dropout saves values for its backward pass at SAVED in `A`, laid out like outputs; a
# layer on images works at SCRATCH.
INPUTS, UNITS, ACTIVATION, WEIGHT, BIAS, OUT, LD, SAVED, SCRATCH = range(9)
# WEIGHTS and BIASES are counts; PENALISED is 1 where penalties shrink the weights;
# INDEX is the layer's in the network; REAL holds the bits of a float64: epsilon of a norm, scale of
# a dropout; THRESHOLD is the dropout's.
KIND, WEIGHTS, BIASES, PENALISED, INDEX, REAL, THRESHOLD = range(9, 16)
# Images, of a layer on them: the input, the windows, how far apart these are, zeros before the
# first row and column, the input with all zeros, the output.
CHANNELS, HEIGHT, WIDTH, KERNEL_H, KERNEL_W, STRIDE, ABOVE, LEFT = range(16, 24)
PADDED_H, PADDED_W, OUT_H, OUT_W = range(24, 28)
# A convolution: filters; the products of a filter and the distance of two rows in them; the windows
# of a fused pooling and their numbers, POOL_H = 0 without one.
FILTERS, PRODUCTS, PITCH, POOL_H, POOL_W, POOL_STEP, POOLED_H, POOLED_W = range(28, 36)
LAYER_COLUMNS = 36

DENSE, CONV, MAX_POOL, AVG_POOL, LAYER_NORM, DROPOUT, UNCHANGED = range(7)

# A row a network: its first row in the table of layers, and the number of its rows.
START, DEPTH = range(2)

# Codes up to RELU, and up to CATEGORICAL, are compiled into every kernel; the others are routines.
IDENTITY, SIGMOID, TANH, RELU = range(4)
LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, SOFTPLUS = range(4, 11)
BINARY, CATEGORICAL = range(2)
MULTI_LABEL, SQUARED, ABSOLUTE, HUBER, POISSON = range(2, 7)

# Hyperparameters, a row per network, in the run's dtype. OPTIMIZER is a code; NEW, NEW_SQUARE are
# the shares 1 - beta of a new gradient and square in their averages; no limit is infinity.
RATE, MOMENTUM, NESTEROV, L2 = range(4)
OPTIMIZER, L1, DECAY, CLIP_VALUE, CLIP_NORM, NEW, NEW_SQUARE, EPSILON = range(4, 12)
HYPER_COLUMNS = 12
SGD, ADAM, RMSPROP, ADAGRAD = range(4)
# The gradient alone is wanted.
NO_STEP = 4

# The addresses of routines: 0 where no layer, activation, loss, optimizer or plan needs it.
FORWARD, BACKWARD, ACTIVATE, DERIVATIVE, LOSS, UPDATE, LATER_LAYERS, PRODUCT = range(8)
ROUTINES = 8

# A row a network: the key of dropout, the position in the epoch of the first row of a batch, the
# steps made before.
KEY, POSITION, STEP = range(3)


class Stack(NamedTuple):
    """Networks whose first layers lie side by side.

    Args:
        layers: int64[sum of depths, LAYER_COLUMNS], all tables, one after the other.
        networks: int64[M, 2], the place of each one's table.
        segments: int64[s, 4], runs of units with the same activation, columns as in `block`.
    """

    layers: Any
    networks: Any
    segments: Any


class Theta(NamedTuple):
    """Parameters and velocities, flat, updated; no velocities where no network has momentum."""

    parameters: Any
    velocity: Any


class Space(NamedTuple):
    """The buffers of a step, and its inputs beside the tables.

    Args:
        A, dZ: flat, where the table of layers says.
        gradient: of the largest layer after the first, or of all parameters.
        tiny: a velocity below it is set to 0.
        clock: int64[M, 3].
        routines: int64[8].
        loss_parameter: Huber's delta.
        weights: of the rows of X, or empty.
    """

    A: Any
    dZ: Any
    gradient: Any
    tiny: Any
    clock: Any
    routines: Any
    loss_parameter: Any
    weights: Any


class Block(NamedTuple):
    """The buffers of a block, each float[B * ld].

    Args:
        Q: products with the velocities, used WITH_MOMENTUM.
        steps: of each row in the weights: -rate g if PLAIN, else g.
        scratch: anything.
    """

    Q: Any
    steps: Any
    scratch: Any


class Terms(NamedTuple):
    """The terms of the recurrence in `block`, for every unit of the first layers.

    Args:
        powers: float[4, K + 1, ld], the entries 00, 01, 10, 11 of M^k.
        lags: float[2, K, ld], the entries of M^k b.
        biases: float[4, ld], rate, momentum and the factors of g and v in a step of every bias.
        hyperparameters: float[networks, HYPER_COLUMNS], for the later layers.
    """

    powers: Any
    lags: Any
    biases: Any
    hyperparameters: Any


class Dual(NamedTuple):
    """First layers as W = o_00 W0 + o_01 V0 + S_0^T X, and V likewise with o_10, o_11 and S_1.

    Args:
        base: float[2, n, R], the products X W0^T and X V0^T.
        S: float[2, n, R], the coefficients, updated.
        origin: float[4, R], the entries o, updated.
    """

    base: Any
    S: Any
    origin: Any
