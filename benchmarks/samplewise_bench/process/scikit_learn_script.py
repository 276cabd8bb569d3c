"""`python scikit_learn_script.py WORK [CALLS]`: the work of `own_script.py` with scikit-learn.

It writes a line of JSON: milliseconds of `fit`, the median of all calls but the first, or of one.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

ADAM = {"solver": "adam", "batch_size": 32, "learning_rate_init": 0.001}
SGD = {"solver": "sgd", "batch_size": 1, "learning_rate_init": 0.1, "momentum": 0.0}
# Rows, inputs, classes, dtype, and the words of the estimator.
WORKS: dict[str, tuple[int, int, int, type, dict[str, Any]]] = {
    "report": (800, 784, 2, np.float64, {"hidden_layer_sizes": (10,), "max_iter": 10, **SGD}),
    "iris": (150, 4, 3, np.float32, {"hidden_layer_sizes": (100,), "max_iter": 5, **ADAM}),
}


def main(work: str, calls: str = "1") -> None:
    """Do a work some times, and write its times."""
    # Of the epochs: it would rather do more.
    warnings.simplefilter("ignore")
    rows, inputs, classes, dtype, words = WORKS[work]
    call_ms = []
    for _ in range(int(calls)):
        X: NDArray[Any] = np.random.default_rng(0).standard_normal((rows, inputs)).astype(dtype)
        y = np.arange(rows) % classes
        activation = "relu" if words["solver"] == "adam" else "logistic"
        estimator = MLPClassifier(
            activation=activation, alpha=0, shuffle=False, tol=0, n_iter_no_change=100, **words
        )
        began = time.perf_counter()
        estimator.fit(X, y)
        call_ms.append((time.perf_counter() - began) * 1e3)
    sys.stdout.write(json.dumps({"call": median(call_ms[1:] or call_ms)}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
