"""The columns of the tables that describe networks to kernels, and the codes in them.

A new architecture is another table, so it costs no new compile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# A row a layer. WEIGHT and BIAS are offsets into the parameters; OUT is where the layer's outputs
# start in `values`, and its deltas in `deltas`; LD is the distance of two rows there. What an
# activation, a pooling or a dropout leaves for its backward pass is at KEPT in `values`, laid out
# like the outputs; a layer on images works at SCRATCH.
INPUTS, UNITS, ACTIVATION, WEIGHT, BIAS, OUT, LD, KEPT, SCRATCH = range(9)
# WEIGHTS and BIASES are how many there are; PENALISED is 1 where penalties shrink the weights;
# INDEX is the layer's in the network; REAL holds the bits of a float64: epsilon of a norm, scale of
# a dropout; THRESHOLD is the dropout's.
KIND, WEIGHTS, BIASES, PENALISED, INDEX, REAL, THRESHOLD = range(9, 16)
# Images, of a layer on them: the input, the windows, how far apart these are, zeros before the
# first row and column, the input with all zeros, the output.
CHANNELS, HEIGHT, WIDTH, KERNEL_H, KERNEL_W, STRIDE, ABOVE, LEFT = range(16, 24)
PADDED_H, PADDED_W, OUT_H, OUT_W = range(24, 28)
# A convolution: filters; the products of a filter and the distance of two rows in them; the windows
# of a pooling that it does too, POOL_H = 0 where it does none, and how many these are.
FILTERS, PRODUCTS, PITCH, POOL_H, POOL_W, POOL_STEP, POOLED_H, POOLED_W = range(28, 36)
LAYER_COLUMNS = 36

DENSE, CONV, MAX_POOL, AVG_POOL, LAYER_NORM, DROPOUT, UNCHANGED = range(7)

# A row a network: its first row in the table of layers, and how many rows it has.
START, DEPTH = range(2)

# Those up to RELU, and up to CATEGORICAL, are compiled into every kernel; the others are called.
IDENTITY, SIGMOID, TANH, RELU = range(4)
LEAKY_RELU, ELU, SELU, GELU, GELU_TANH, SILU, SOFTPLUS = range(4, 11)
BINARY, CATEGORICAL = range(2)
MULTI_LABEL, SQUARED, ABSOLUTE, HUBER, POISSON = range(2, 7)

# A row a network, of the run's dtype. RULE is a code; NEW and NEW_SQUARE are the shares of a new
# gradient and square in their averages, 1 - beta; limits are infinite where there are none.
RATE, MOMENTUM, NESTEROV, L2 = range(4)
RULE, L1, DECAY, CLIP_VALUE, CLIP_NORM, NEW, NEW_SQUARE, EPSILON = range(4, 12)
RULE_COLUMNS = 12
SGD, ADAM, RMSPROP, ADAGRAD = range(4)
# No step: the gradient is wanted.
STAY = 4

# The addresses of routines: 0 where no layer, activation, loss, rule or plan needs it.
FORWARD, BACKWARD, ACTIVATE, SLOPE, LOSS, MOVE, BEHIND, PRODUCT = range(8)
ROUTINES = 8

# A row a network: the key of dropout, the position in the epoch of the first row of a batch, the
# steps made before.
KEY, POSITION, STEP = range(3)


class Stack(NamedTuple):
    """Networks whose first layers lie side by side.

    Args:
        layers: int64[sum of depths, 7], the tables of all networks, one after the other.
        networks: int64[M, 2], where each one's table lies.
        segments: int64[s, 3], runs of units with the same activation: from, to, code.
    """

    layers: Any
    networks: Any
    segments: Any


class Theta(NamedTuple):
    """Parameters and velocities, flat, updated; no velocities where no network has momentum."""

    parameters: Any
    velocity: Any


class Space(NamedTuple):
    """What a step writes to, and what it must know beside the tables.

    Args:
        values, deltas: flat, where the table of layers says.
        gradient: of the largest layer behind the first; of all parameters where a rule needs that.
        tiny: a velocity below it is set to 0.
        clock: int64[M, 3].
        routines: int64[8].
        loss_parameter: the delta of Huber's loss.
        weights: of the rows of X, or empty.
    """

    values: Any
    deltas: Any
    gradient: Any
    tiny: Any
    clock: Any
    routines: Any
    loss_parameter: Any
    weights: Any


class Block(NamedTuple):
    """What a block writes to, each float[B * ld].

    Args:
        Q: products with the velocities, used if MOVING.
        steps: what each row adds to the weights: -rate g if PLAIN, else g.
        scratch: anything.
    """

    Q: Any
    steps: Any
    scratch: Any


class Recurrence(NamedTuple):
    """How the first layers follow from batch to batch, for every unit; see `block`.

    Args:
        powers: float[4, K + 1, ld], the entries 00, 01, 10, 11 of A^k.
        lags: float[2, K, ld], the entries of A^k b.
        biases: float[4, ld], rate, momentum and the factors of g and v in a step of every bias.
        rules: float[M, 4], the rule of every network, for the layers behind the first.
    """

    powers: Any
    lags: Any
    biases: Any
    rules: Any
