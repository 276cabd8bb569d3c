"""Train with an installed wheel and an empty home: kernels must come from the wheel, all of them.

    ENVIRONMENT/bin/python requirements/check_wheel.py

Judged by modules and files, not by seconds. Stops with a line and exit code 1 where a kernel was
compiled.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TRAIN = """
import sys

import numpy as np
import samplewise as sw

X = np.random.default_rng(0).standard_normal((64, 784))
digits = np.arange(64) % 10
small = {"epochs": 2, "batch_size": 32, "learning_rate": 0.001, "dtype": "float32"}
cnn = sw.Network((1, 28, 28), (sw.Conv2D(4, (3, 3), activation="relu"), sw.Dense(10)))
works = (
    (sw.multilayer_perceptron(784, (10,), 1), digits % 2, {"epochs": 2}),
    (sw.multilayer_perceptron(784, (32,), 10), digits, {**small, "optimizer": sw.Adam()}),
    (cnn, digits, small),
)
for network, labels, settings in works:
    history = sw.train(network, X, labels, sw.TrainingSettings(**settings)).history
    assert history.backend == "numba_cpu", history.backend_reason
assert "numba" not in sys.modules, "numba was loaded"
"""


def faults(home: Path) -> list[str]:
    """Train in a process whose home is a folder; return what went wrong."""
    names = ("SAMPLEWISE", "NUMBA", "XDG", "PYTHONPATH")
    clean = {name: os.environ[name] for name in os.environ if not name.startswith(names)}
    own = {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home)}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", TRAIN],
        env={**clean, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    kept = [f"{path.name} was kept" for path in home.rglob("*") if path.is_file()]
    return kept + done.stderr.splitlines()[-1:]


def main() -> None:
    """Check, unless the processor is of a lower level than the wheel's kernels."""
    from samplewise_backends.numba_cpu.compile.key import levels

    if not levels():
        print("the wheel's kernels are for better processors than this one")  # noqa: T201
        return
    with tempfile.TemporaryDirectory() as home:
        found = faults(Path(home))
    if found:
        sys.exit(f"check_wheel: kernels of the wheel were not enough: {'; '.join(found)}")
    print("trained with an empty home; nothing was compiled")  # noqa: T201


if __name__ == "__main__":
    main()
