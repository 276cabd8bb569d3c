"""One configuration: data, network and training settings."""

from __future__ import annotations

from dataclasses import dataclass

from samplewise.data.sources.options import SourceOptions
from samplewise.experiment.data_settings import DataSettings, named_twice
from samplewise.experiment.network_settings import NetworkSettings
from samplewise.network import ClassLoss
from samplewise.options.settings import Settings
from samplewise.training.settings.training_settings import TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Experiment(Settings):
    """All that decides a run.

    `Experiment.from_options(data="iris", hidden=(8,), epochs=5, momentum=0.9)` takes the flat words
    of the command line, of TOML files and of environment variables.

    Args:
        data: which rows, and how they are read, prepared and split.
        network: its layers.
        training: how it is trained.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind, or the targets of this
            loss cannot be standardized.
    """

    data: DataSettings = DataSettings()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()

    def __post_init__(self) -> None:
        """Check the parts, and what must not go together."""
        super().__post_init__()
        if self.data.standardize_targets:
            self.training.loss_for(1).check_standardizable("standardize_targets")
        path, fraction = self.data.validation_data, self.training.validation_fraction
        if path is not None and fraction is not None:
            raise named_twice("validation_data", path, "validation_fraction", fraction)

    def source_options(self) -> SourceOptions:
        """Return the options that the data are read with: numeric labels if the loss needs them."""
        learns_classes = isinstance(self.training.loss_for(1), ClassLoss)
        return self.data.source_options(numbers=not learns_classes)
