"""The columns of the tables that describe networks to kernels, and the codes in them.

A new architecture is another table, so it costs no new compile.
"""

from __future__ import annotations

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
