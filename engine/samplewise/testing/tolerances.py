"""The one table of how far two correct backends may lie apart.

No other module or test holds a tolerance. A row is changed only with its reason in writing: a
tolerance that fails is investigated first. Measured on digits, a 64-64-10 network, batch 32,
matrix products against sums of single rows, on one 2-core x86 machine; the allowances above what
was measured leave room for another BLAS, fused multiply-adds and other processors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samplewise.checks import listed, must_be
from samplewise.errors import ParameterError
from samplewise.network import SGD, Optimizer


@dataclass(frozen=True)
class Tolerance:
    """Two numbers agree where |got - want| <= relative * size + absolute.

    Args:
        relative: factor of the size; the reason says whose size.
        absolute: allowed whatever the size.
        reason: why this much, and no more.
    """

    relative: float
    absolute: float
    reason: str


_OPERATION = "4 units in the last place of each entry: libm and SIMD libraries differ in last bits"
_FORWARD = "of each entry: a row against a matrix product measured 4e-15 and 2e-6, 5000 inputs"
_GRADIENT = "of the gradient's largest entry: one forward and one backward pass, as forward"
_DIFFERENCE = "of the gradient's largest entry: truncation and rounding of the difference near 1e-9"
_PRODUCT = "of the largest entry: rounding the factors to 11 bits gives 1e-3, a right product 1e-7"
_WORKED = "of each entry: the decimals worked by hand hold 15 digits"
_WEIGHTS = "of the largest weight, after so many calm steps; measured "
_ADAPTIVE = (
    "of the largest entry, after 3 epochs by any optimizer: dividing by the root of a small "
    "average makes a gradient's rounding a step's; measured "
)
_CLIPPED = "as outside, but PyTorch adds 1e-6 to the norm that it clips; measured 1.3e-7"
_OUTSIDE = "of the largest entry, but at least 1, after 100 steps beside PyTorch; measured "
_FLOAT64, _FLOAT32 = "float64", "float32"

# (row, dtype) -> tolerance. The rows weights_* hold for losses too, with the size of the largest
# loss but at least 1: a loss moves with the logits, which move with the weights.
TABLE: dict[tuple[str, str], Tolerance] = {
    ("operation", _FLOAT64): Tolerance(4 * 2.0**-52, 0.0, _OPERATION),
    ("operation", _FLOAT32): Tolerance(4 * 2.0**-23, 0.0, _OPERATION),
    ("forward", _FLOAT64): Tolerance(1e-12, 1e-13, _FORWARD),
    ("forward", _FLOAT32): Tolerance(1e-5, 1e-6, _FORWARD),
    ("gradient", _FLOAT64): Tolerance(1e-12, 0.0, _GRADIENT),
    ("gradient", _FLOAT32): Tolerance(1e-5, 0.0, _GRADIENT),
    ("central_difference", _FLOAT64): Tolerance(1e-6, 0.0, _DIFFERENCE),
    ("product", _FLOAT64): Tolerance(1e-12, 0.0, _FORWARD),
    ("product", _FLOAT32): Tolerance(1e-5, 0.0, _PRODUCT),
    ("worked_step", _FLOAT64): Tolerance(1e-12, 0.0, _WORKED),
    ("weights_1", _FLOAT64): Tolerance(1e-13, 0.0, _WEIGHTS + "4e-16"),
    ("weights_10", _FLOAT64): Tolerance(1e-13, 0.0, _WEIGHTS + "9e-16"),
    ("weights_100", _FLOAT64): Tolerance(1e-12, 0.0, _WEIGHTS + "1e-15"),
    ("weights_1000", _FLOAT64): Tolerance(1e-11, 0.0, _WEIGHTS + "3e-15"),
    ("weights_1", _FLOAT32): Tolerance(3e-6, 0.0, _WEIGHTS + "3e-7"),
    ("weights_10", _FLOAT32): Tolerance(1e-5, 0.0, _WEIGHTS + "6e-7"),
    ("weights_100", _FLOAT32): Tolerance(3e-5, 0.0, _WEIGHTS + "3e-6"),
    ("weights_1000", _FLOAT32): Tolerance(3e-4, 0.0, _WEIGHTS + "1e-6"),
    ("outside", _FLOAT64): Tolerance(1e-12, 0.0, _OUTSIDE + "2e-14"),
    ("outside_clipped", _FLOAT64): Tolerance(2e-6, 0.0, _CLIPPED),
    ("adaptive", _FLOAT64): Tolerance(1e-11, 0.0, _ADAPTIVE + "5e-13"),
    ("adaptive", _FLOAT32): Tolerance(5e-3, 0.0, _ADAPTIVE + "5e-4"),
}
COUNTED_STEPS = (1, 10, 100, 1000)

# A longer run has no honest fixed number: errors grow at the rate of the problem. Nudging every
# first weight by one unit in the last place measures that rate, with errors of the size that a
# change of backend was measured to give.
YARDSTICKS = 100.0
LARGEST_ALLOWED = 1e-2
# Above this (float64) a problem is not calm, and comparing backends on it says little.
CALM_YARDSTICK = 1e-9

# A chaotic run has no tolerance. Once chaos has filled its range, what another backend's rounding
# makes of a run is one more draw among reference runs from weights nudged by one ulp: each of these
# is the farthest from the reference with the same probability. (A backend rounds at every step, a
# nudge once: on runs that are barely chaotic this is a little strict.) Four nudges are enough: of
# 14 runs, being the farthest of the five in 9 is too often. Measured: 3, where 2.8 are expected.
NUDGED_RUNS = 4
# How rarely a right backend is rejected. Each machine's rounding is a new draw.
FALSE_ALARM = 1e-3

# A central difference steps by this times the size of the parameter, at least 1.
DIFFERENCE_STEP = 1e-6
# Nearer to 0, rounding decides whether a ReLU is on: a jump, not an error.
KINK_MARGIN = 1e-6


def tolerance(row: str, dtype: str) -> Tolerance:
    """Return the table's entry for a row and the name of a dtype.

    Raises:
        ParameterError: the table has no such entry.
    """
    if (row, dtype) not in TABLE:
        wanted = f"one of {listed(sorted({name for name, _ in TABLE}))}, in float64 or float32"
        raise ParameterError(must_be("tolerance", wanted, f"{row} in {dtype}"))
    return TABLE[row, dtype]


def after_steps(steps: int, dtype: str) -> Tolerance:
    """Return the tolerance of weights and losses after `steps` calm steps, 1 to 1000.

    Between two rows of the table the longer one holds.

    Raises:
        ParameterError: there are more steps than the table covers; use `of_run`.
    """
    for counted in COUNTED_STEPS:
        if steps <= counted:
            return tolerance(f"weights_{counted}", dtype)
    raise ParameterError(
        f"steps: must be at most {COUNTED_STEPS[-1]:,}, got {steps:,}; measure the one-ulp "
        "yardstick of the run, and call of_run"
    )


def after_training(optimizer: Optimizer, steps: int, dtype: str) -> Tolerance:
    """Return the tolerance of weights and losses after at most 3 epochs by any optimizer."""
    if isinstance(optimizer, SGD):
        return after_steps(steps, dtype)
    return tolerance("adaptive", dtype)


def of_run(yardstick: float, dtype: str) -> Tolerance:
    """Return the tolerance of weights and losses after a run with this one-ulp yardstick.

    Args:
        yardstick: change of the last weights by the nudge, relative to the largest weight.
        dtype: name. A yardstick below its spacing at 1 counts as that: results are rounded to it.

    Raises:
        ParameterError: the problem is too chaotic for any number to mean something.
    """
    relative = YARDSTICKS * max(yardstick, float(np.finfo(dtype).eps))
    if not relative < LARGEST_ALLOWED:
        raise ParameterError(
            f"yardstick: {YARDSTICKS:g} times it must be below {LARGEST_ALLOWED:g}, got "
            f"{relative:.3g}, as the problem is chaotic; compare distributions over seeds, or a "
            "calmer problem"
        )
    return Tolerance(relative, 0.0, f"{YARDSTICKS:g} times the one-ulp yardstick of the problem")
