"""A sweep beside the same networks one by one: `python -m samplewise_bench.sweep_check`.

200 networks of the report's kind learn two classes of synthetic images: widths from 1 to 60, two
learning rates, five momenta and five seeds. A part of them is also trained one by one, and by
scikit-learn on two processes of joblib; the time is scaled up. All three are timed in turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from samplewise.data.loading import load
from samplewise.experiment.run import run
from samplewise.sweep.definition import Sweep
from samplewise.sweep.results import SweepResult
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.run import run_sweep
from samplewise.sweep.trials import Trial
from samplewise_bench.conditions import conditions

SPACE = {
    "hidden": [[1], [8], [20], [60]],
    "learning_rate": [0.01, 0.05],
    "momentum": [0.0, 0.3, 0.5, 0.9, 0.95],
}
CLASSES, SEEDS, THEIR_JOBS = ("4", "9"), 5, 2
AGREEMENT = 0.05
"""Largest difference of two mean test accuracies: each side draws weights of its own."""
AT_LEAST = {"one by one": 3.0, "scikit-learn": 50.0}


class Contest:
    """The sweep, and `part` of its trials, which the others train."""

    def __init__(self, epochs: int, part: int) -> None:
        self.data = load("synthetic", classes=CLASSES)
        settings = {"classes": list(CLASSES), "epochs": epochs, "activation": "sigmoid"}
        self.sweep = Sweep(SPACE, settings, seeds=SEEDS)
        trials = self.sweep.trials
        # Evenly spread, so that all widths, rates and momenta are among them.
        self.part = [trials[int(i)] for i in np.linspace(0, len(trials) - 1, part)]
        self.rows = SweepRows(trials, self.data).of(trials[0].experiment)

    def swept(self) -> list[float]:
        """Run the sweep; return the test accuracies of the part."""
        with TemporaryDirectory() as folder:
            result: SweepResult = run_sweep(self.sweep, Path(folder) / "sweep", data=self.data)
        found = {(row["candidate"], row["seed"]): row["test_accuracy"] for row in result.rows}
        return [found[trial.candidate, trial.seed] for trial in self.part]

    def one_by_one(self) -> list[float]:
        """Train each network of the part by itself; return the test accuracies."""
        results = [run(trial.experiment, self.rows) for trial in self.part]
        return [one.on_classes[0] for one in results]

    def scikit_learn(self) -> list[float]:
        """Train scikit-learn's networks of the part on processes; return the test accuracies."""
        from joblib import Parallel, delayed

        rows = self.rows
        test = rows.preprocessing.apply(rows.test.X)
        arrays = rows.X, rows.training.targets, test, rows.test.targets
        jobs = (delayed(_theirs)(trial, *arrays) for trial in self.part)
        found: list[float] = Parallel(n_jobs=THEIR_JOBS)(jobs)
        return found


def _theirs(trial: Trial, X: Any, y: Any, test_X: Any, test_y: Any) -> float:
    from sklearn.neural_network import MLPClassifier

    training = trial.experiment.training
    network = MLPClassifier(
        hidden_layer_sizes=trial.experiment.network.hidden,
        activation="logistic",
        solver="sgd",
        batch_size=1,
        alpha=0.0,
        learning_rate_init=training.learning_rate,
        momentum=trial.values["momentum"],
        nesterovs_momentum=False,
        shuffle=False,
        max_iter=training.epochs,
        tol=0.0,
        n_iter_no_change=training.epochs + 1,
        random_state=trial.seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(network.fit(X, y).score(test_X, test_y))


def measured(contest: Contest, rounds: int) -> dict[str, Any]:
    """Time all sides in turns; return seconds of the whole sweep, and mean test accuracies."""
    share = len(contest.part) / len(contest.sweep.trials)
    sides: dict[str, tuple[Callable[[], list[float]], float]] = {
        "sweep": (contest.swept, 1.0),
        "one by one": (contest.one_by_one, share),
        "scikit-learn": (contest.scikit_learn, share),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    accuracies: dict[str, float] = {}
    for _ in range(rounds):
        for name, (train, part) in sides.items():
            began = time.perf_counter()
            accuracies[name] = statistics.fmean(train())
            times[name].append((time.perf_counter() - began) / part)
    return {"seconds": times, "test_accuracy": accuracies, "conditions": conditions()}


def lines_of(found: dict[str, Any]) -> list[str]:
    """Return a line for each side: seconds, test accuracy, and how many times faster the sweep."""
    ours = statistics.median(found["seconds"]["sweep"])
    lines = []
    for name, seconds in found["seconds"].items():
        median = statistics.median(seconds)
        line = f"{name:14}{median:9.2f} s ({min(seconds):.2f}..{max(seconds):.2f})"
        line += f"  test accuracy {found['test_accuracy'][name]:.3f}"
        if name in AT_LEAST:
            line += f"  sweep {median / ours:.1f} times faster, at least {AT_LEAST[name]:g}"
        lines.append(line)
    return lines


def agree(found: dict[str, Any]) -> bool:
    """Return True if all sides learn equally well."""
    values = found["test_accuracy"].values()
    return max(values) - min(values) <= AGREEMENT


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, and write JSON where asked for."""
    parser = argparse.ArgumentParser(prog="sweep_check", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--part", type=int, default=20, help="trained by the others, of 200")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(given)
    warnings.simplefilter("ignore")
    contest = Contest(asked.epochs, asked.part)
    # Kernels are compiled or loaded, and the processes are started.
    measured(Contest(1, 2), 1)
    found = measured(contest, asked.rounds)
    sys.stdout.write("\n".join([*lines_of(found), ""]))
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2))
    if not agree(found):
        sys.stderr.write("the sides do not learn equally well: no time of them counts\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
