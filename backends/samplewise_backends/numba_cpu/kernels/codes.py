"""The codes that kernels branch on; `plans.lowering` and its neighbours choose them."""

from enum import IntEnum


class Kind(IntEnum):
    """Kinds of layers."""

    DENSE = 0
    CONV = 1
    MAX_POOL = 2
    AVG_POOL = 3
    LAYER_NORM = 4
    DROPOUT = 5
    UNCHANGED = 6
    CHANNELS_LAST = 7
    CHANNELS_FIRST = 8


class ActivationCode(IntEnum):
    """Activations: those up to RELU are compiled into every kernel, the others are routines."""

    IDENTITY = 0
    SIGMOID = 1
    TANH = 2
    RELU = 3
    LEAKY_RELU = 4
    ELU = 5
    SELU = 6
    GELU = 7
    GELU_TANH = 8
    SILU = 9
    SOFTPLUS = 10


class LossCode(IntEnum):
    """Losses: those up to CATEGORICAL are compiled into every kernel, the others are a routine."""

    BINARY = 0
    CATEGORICAL = 1
    MULTI_LABEL = 2
    SQUARED = 3
    ABSOLUTE = 4
    HUBER = 5
    POISSON = 6


class OptimizerCode(IntEnum):
    """Optimizers; NO_STEP where the gradient alone is wanted."""

    SGD = 0
    ADAM = 1
    RMSPROP = 2
    ADAGRAD = 3
    NO_STEP = 4
