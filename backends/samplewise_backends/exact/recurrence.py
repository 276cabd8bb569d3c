"""What t steps of an SGD rule do to the first layer, in closed form.

With W the weights, V their velocity and g the gradient of a batch, a step is linear in all three:

    (W, V) <- A (W, V) + b g

A is 2 by 2 and b is 2 long: numbers that follow from the rule and its rate alone. So t steps from
(W, V) give A^t (W, V) + sum over s < t of A^(t-1-s) b g_s. Without momentum there is no V, and g
comes multiplied by the rate. L2 acts on weights only, so the bias has no part in this.

Source: written out from the rule in `samplewise.network.optimizers.SGD`. That a block of steps
of a linear recurrence can be taken at once is old: exact block LMS (Benesty and Duhamel, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD

Array = NDArray[np.float64]
# Of decimal numbers. A power is applied to the weights once a block, the same each time: products
# of 64 factors in float64, each rounded, were seen to move the weights by 40 ulp in 15 blocks.
Exact = NDArray[np.object_]
DIGITS = 40


@dataclass(frozen=True, eq=False)
class Recurrence:
    """The coefficients of up to T steps.

    Args:
        powers: A^t for t = 0..T, (T + 1, S, S): S is 2, or 1 without momentum.
        responses: A^k b for k = 0..T-1, (T, S): what a gradient has become k steps later.
    """

    powers: Array
    responses: Array

    @classmethod
    def of(cls, rule: SGD, learning_rate: float, steps: int, dtype: np.dtype[Any]) -> Recurrence:
        """Return the coefficients of a rule.

        Args:
            rule: momentum, Nesterov and L2.
            learning_rate: of every step.
            steps: T, at least 1.
            dtype: of the training; the rule's numbers are rounded to it first, as a program
                that makes one step after the other does.
        """
        with localcontext(prec=DIGITS):
            A, b = transition(rule, learning_rate, dtype)
            powers = [np.eye(len(A), dtype=np.object_)]
            for _ in range(steps):
                powers.append(A @ powers[-1])
            responses = [power @ b for power in powers[:-1]]
        return cls(np.array(powers, dtype=np.float64), np.array(responses, dtype=np.float64))


def transition(rule: SGD, learning_rate: float, dtype: np.dtype[Any]) -> tuple[Exact, Exact]:
    """Return A (S, S) and b (S,) of one step.

    v <- mu v + (g + l2 W), then W <- W - eta v, or W <- W - eta (g + l2 W + mu v) with Nesterov.
    """
    eta, mu, l2 = (Decimal(float(dtype.type(x))) for x in (learning_rate, rule.momentum, rule.l2))
    one = Decimal(1)
    if not mu:
        return np.array([[one - eta * l2]]), np.array([-one])
    # What the new velocity, and the penalised gradient itself, count for in the step.
    of_v, of_g = (mu, one) if rule.nesterov else (one, one - one)
    A = np.array([[one - eta * l2 * (of_v + of_g), -eta * of_v * mu], [l2, mu]])
    return A, np.array([-eta * (of_v + of_g), one])
