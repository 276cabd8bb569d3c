"""`python own_script.py WORK [CALLS]`: train with samplewise, as a user's script does.

It writes a line of JSON: milliseconds of the call `train` and of the steps inside it, the medians
of all calls but the first, or of one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from samplewise import (
    Adam,
    Conv2D,
    Dense,
    MaxPool2D,
    Network,
    TrainingSettings,
    multilayer_perceptron,
    train,
)


def fit(
    network: Network,
    rows: int,
    classes: int,
    clock: Callable[[], float] = time.perf_counter,
    **settings: Any,
) -> tuple[float, float]:
    """Train on rows drawn at random; return the milliseconds of the call and of its steps."""
    X = np.random.default_rng(0).standard_normal((rows, network.inputs))
    y, chosen = np.arange(rows) % classes, TrainingSettings(**settings)
    X = X.astype(chosen.dtype)
    began = clock()
    result = train(network, X, y, chosen)
    # Networks that are trained alone have a time of their own.
    return (clock() - began) * 1e3, result.history.train_ms or 0.0


REPORT = multilayer_perceptron(784, (10,), 1)
CNN = Network((1, 28, 28), (Conv2D(8, (3, 3), activation="relu"), MaxPool2D((2, 2)), Dense(10)))
IRIS = multilayer_perceptron(4, (100,), 3, "relu")
BATCHES: dict[str, Any] = {"batch_size": 32, "dtype": "float32", "learning_rate": 0.001}
WORKS = {
    "report": partial(fit, REPORT, 800, 2),
    "report-float32": partial(fit, REPORT, 800, 2, dtype="float32"),
    "adam": partial(fit, REPORT, 800, 2, optimizer=Adam(), **BATCHES),
    "cnn": partial(fit, CNN, 320, 10, epochs=2, **BATCHES),
    "iris": partial(fit, IRIS, 150, 3, epochs=5, optimizer=Adam(), **BATCHES),
}


def main(work: str, calls: str = "1") -> None:
    """Do a work some times, and write its times."""
    times = [WORKS[work]() for _ in range(int(calls))]
    call_ms, inside_ms = map(median, zip(*times[1:] or times, strict=True))
    sys.stdout.write(json.dumps({"call": call_ms, "inside": inside_ms}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
