"""The losses of the report's networks by a backend beside those of `reference`.

    python agreement.py [--data FOLDER] [--backend jax] [--epochs 3] [--dtype float64]

One line for each row of both parts, on the synthetic data, and on the photographs in FOLDER; the
exit code is 1 where a loss is not as near as the parity table says. Some rows are chaotic: moving
their first weights by one ulp moves their losses beyond any tolerance. They are compared as long as
that move, made with `reference`, stays small, and those chaotic from the first epoch on step by
step, each from the reference's weights.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Program, Steps, TrainingState
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import Prepared, prepare
from samplewise.experiment.run import decided
from samplewise.network import Network, initialize
from samplewise.report.experiments import PARTS, Part
from samplewise.streams import Streams
from samplewise.testing import tolerances
from samplewise.training.batches import fixed_order
from samplewise.training.prerequisites import loss_for
from samplewise.training.result import model_of
from samplewise.training.rows.preparation import prepared
from samplewise.training.train import train_without_warnings

SYNTHETIC, PHOTOGRAPHS = "synthetic", "sign-digits-28x28.npz"
REFERENCE = "reference"
# The reference trains sample by sample: most of the time it trains the CNN.
EPOCHS = 3
Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How near the losses of a row are to the reference's.

    Args:
        row: names of the data, the part and the row.
        difference: largest one, relative to the loss but at least to 1.
        share: largest part of what is allowed; above 1 they disagree.
        compared: the losses that were, in words.
    """

    row: str
    difference: float
    share: float
    compared: str

    def __str__(self) -> str:
        found = f"{self.difference:8.1e}, {self.share:.2g} of what is allowed"
        return f"{self.row:<44}{found:<40}{self.compared}"


@dataclass(frozen=True, eq=False)
class Training:
    """A row of the report, ready to be trained by any backend."""

    experiment: Experiment
    network: Network
    data: Prepared

    def weights(self, *, nudged: bool = False) -> NDArray[Any]:
        """Return the first weights, (P,); nudged: each an ulp larger."""
        asked = self.experiment.training
        init = Streams(asked.seed).of_run("init")
        weights = initialize(self.network, asked.init, init, np.dtype(asked.dtype))
        if nudged:
            for view in self.network.layout.views(weights).values():
                view[...] = np.nextafter(view, np.inf, dtype=view.dtype)
        return weights

    def losses(self, backend: str, device: str | None = None, *, nudged: bool = False) -> Losses:
        """Return the mean loss of each epoch, (epochs,)."""
        settings = self.experiment.with_options(backend=backend, device=device).training
        names, loss = self.data.training.class_names, loss_for(self.network, settings)
        initial = model_of(self.network, loss, self.weights(nudged=nudged), names, backend)
        targets = self.data.training.targets
        rows = self.network, self.data.inputs, targets, settings
        return np.array(
            train_without_warnings(*rows, class_names=names, initial=initial).history.losses
        )

    def losses_of_steps(self, backend: str, device: str | None) -> tuple[Losses, Losses]:
        """Return the losses of each row in an epoch, the backend's and the reference's, (n,) each.

        Each step of the backend begins where the reference is then.
        """
        asked = self.experiment.training
        loss, dtype = loss_for(self.network, asked), np.dtype(asked.dtype)
        parts = self.network, loss, asked.optimizer, dtype
        backends = registry.load(backend, device), registry.load(REFERENCE)
        programs: list[Program] = [each.compile(*parts) for each in backends]
        rows = prepared(self.network, self.data.inputs, self.data.training.targets, loss, asked)
        first = self.weights()
        state = TrainingState(first, np.zeros(asked.optimizer.slots * len(first), dtype))
        found = np.full((2, len(rows)), np.nan, dtype)
        whole = Steps(fixed_order(len(rows)), 0, 0, asked.batch_size, asked.learning_rate)
        for start in range(0, len(rows), asked.batch_size):
            steps = replace(whole, start=start, stop=min(start + asked.batch_size, len(rows)))
            own = TrainingState(state.parameters.copy(), state.optimizer_state.copy(), state.step)
            for program, each, losses in zip(programs, (own, state), found, strict=True):
                program.run_epoch(each, rows.X, rows.Y, steps, losses)
            state.step += 1
        return found[0], found[1]

    def allowed(self, steps: int) -> float:
        """Return the table's tolerance of losses after so many steps."""
        asked, steps = self.experiment.training, min(steps, tolerances.COUNTED_STEPS[-1])
        return tolerances.after_training(asked.optimizer, steps, asked.dtype).relative


def agreement(name: str, training: Training, backend: str, device: str | None = None) -> Agreement:
    """Return how near a backend's losses are to the reference's."""
    want, moved = (training.losses(REFERENCE, nudged=nudged) for nudged in (False, True))
    size = np.maximum(1, np.abs(want))
    # An epoch is as near as its way there.
    changes = np.maximum.accumulate(np.abs(moved - want) / size)
    allowed = list(_before_chaos(changes, training))
    if not allowed:
        got, want = training.losses_of_steps(backend, device)
        found = np.abs(got - want) / np.maximum(1, np.abs(want))
        share, compared = found / training.allowed(1), f"{len(found)} steps"
    else:
        found = (np.abs(training.losses(backend, device) - want) / size)[: len(allowed)]
        share, compared = found / allowed, f"{len(allowed)} of {len(want)} epochs"
    return Agreement(name, float(found.max()), float(share.max()), compared)


def _before_chaos(changes: Losses, training: Training) -> Iterator[float]:
    """Yield the allowed difference of each epoch: the table's, or that of the run's yardstick."""
    asked, rows = training.experiment.training, len(training.data.X)
    table = training.allowed(-(-rows // asked.batch_size))
    for change in changes:
        try:
            own = tolerances.of_run(float(change), asked.dtype)
        except ParameterError:
            return
        yield max(table, own.relative)


def trainings(
    part: Part[Any], data: str, epochs: int, **options: Any
) -> Iterator[tuple[str, Training]]:
    """Yield the rows of a part on some data as trainings of `epochs` epochs, by name."""
    # On photographs that are only scaled, no network of part 1 learns.
    step = part.data["preprocess"] if data == SYNTHETIC else "standardize"
    settings = Experiment.from_options(data=data, preprocess=step, **options)
    dataset = part.load(settings.data.source, settings.data.classes, settings.source_options())
    shape = dataset.image_shape
    tables = [each for each in part.tables() if all(row.fits(shape) for row in each.rows)]
    for row, (trial,) in part.trials(settings, len(dataset.class_names), 1, tables):
        asked = trial.experiment.with_options(epochs=epochs, track_accuracy=False)
        rows = prepare(asked, dataset)
        network, experiment = decided(asked, rows)
        name = f"{Path(data).stem}, part {part.number}, {row.id}"
        yield name, Training(experiment, network, rows)


def main() -> int:
    """Print all agreements; return 1 where one is beyond the table."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--data", type=Path, help=f"folder with {PHOTOGRAPHS}")
    reader.add_argument("--backend", default="jax")
    reader.add_argument("--epochs", type=int, default=EPOCHS)
    reader.add_argument("--dtype", default="float64")
    given = reader.parse_args()
    # Rows that do not learn are part of the report.
    warnings.simplefilter("ignore")
    sources = [SYNTHETIC] if given.data is None else [SYNTHETIC, str(given.data / PHOTOGRAPHS)]
    failed = 0
    for source in sources:
        for part in PARTS.values():
            for name, training in trainings(part, source, given.epochs, dtype=given.dtype):
                found = agreement(name, training, given.backend)
                print(found, flush=True)
                # Not ">": NaN is not near.
                failed += not found.share <= 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
