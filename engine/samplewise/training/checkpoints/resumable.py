"""A training that a cluster's scheduler may kill and start again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samplewise.checks import instance_of
from samplewise.errors import ParameterError
from samplewise.network import Network
from samplewise.training.callbacks.checkpoint import Checkpoint
from samplewise.training.result import TrainingResult
from samplewise.training.settings.training_settings import TrainingSettings


class ResumableTraining:
    """A callable that trains, and goes on from its newest checkpoint when it is called again.

    submitit, which runs functions on a Slurm cluster, calls `checkpoint` before a time limit and
    then submits the call again:

        executor.submit(ResumableTraining(network, settings, "checkpoints"), X, y)

    Args:
        network, settings: as `train`.
        folder, every: as `Checkpoint`; the folder is on a disk that every machine sees.

    Raises:
        ParameterError: a value is of the wrong kind.
    """

    def __init__(
        self,
        network: Network,
        settings: TrainingSettings,
        folder: Path | str,
        every: int | str = "5m",
    ) -> None:
        instance_of("network", network, Network)
        instance_of("settings", settings, TrainingSettings)
        Checkpoint(folder, every)
        self._network, self._settings = network, settings
        self._folder, self._every = str(folder), every

    def __call__(self, X: Any, targets: Any, **rows: Any) -> TrainingResult:
        """Train as `train`, from the newest checkpoint where there is one."""
        from samplewise.training.train import train

        kept = Checkpoint(self._folder, self._every)
        return train(
            self._network,
            X,
            targets,
            self._settings,
            initial=kept.snapshot(),
            callbacks=kept,
            **rows,
        )

    def checkpoint(self, *args: Any, **kwargs: Any) -> Any:
        """Return the call to submit again: what is trained so far lies in the folder.

        Raises:
            ParameterError: submitit is not installed.
        """
        try:
            from submitit.helpers import DelayedSubmission
        except ImportError as error:
            raise ParameterError(
                "checkpoint: it makes a submission of submitit, which is not installed; install "
                "submitit, or call the training again yourself"
            ) from error
        return DelayedSubmission(self, *args, **kwargs)
