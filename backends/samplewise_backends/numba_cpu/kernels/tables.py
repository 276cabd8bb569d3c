"""The columns of the tables that describe networks to kernels, and the codes in them.

A new architecture is another table, so it costs no new compile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# A row a layer. WEIGHT and BIAS are offsets into the parameters; OUT is where the layer's outputs
# start in `values`, and its deltas in `deltas`; LD is the distance of two rows there.
INPUTS, UNITS, ACTIVATION, WEIGHT, BIAS, OUT, LD = range(7)
LAYER_COLUMNS = 7

# A row a network: its first row in the table of layers, and how many rows it has.
START, DEPTH = range(2)

IDENTITY, SIGMOID, TANH, RELU = range(4)
BINARY, CATEGORICAL = range(2)

# A row a network, of the run's dtype.
RATE, MOMENTUM, NESTEROV, L2 = range(4)


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
    """What a step writes to.

    Args:
        values, deltas: flat, where the table of layers says.
        gradient: of the largest layer behind the first.
        tiny: a velocity below it is set to 0.
    """

    values: Any
    deltas: Any
    gradient: Any
    tiny: Any


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
