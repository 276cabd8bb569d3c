"""samplewise: small neural networks on a CPU, on backends that provably agree.

Public names are imported when first used, so that `import samplewise` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samplewise.data.dataset import Dataset
    from samplewise.data.inputs import load_inputs
    from samplewise.data.loading import load as load_dataset
    from samplewise.errors import SamplewiseError, SamplewiseWarning, SomeDivergedError
    from samplewise.experiment.experiment import Experiment
    from samplewise.experiment.run import ExperimentResult, prepare, run, run_many
    from samplewise.model.model import Model
    from samplewise.model.model_file import load_model, save_model
    from samplewise.network import (
        AvgPool2D,
        Conv2D,
        Dense,
        Dropout,
        Flatten,
        GlobalAvgPool,
        LayerNorm,
        MaxPool2D,
        Network,
        multilayer_perceptron,
    )
    from samplewise.network.own import register_activation, register_loss
    from samplewise.network.own_optimizer import register_optimizer
    from samplewise.training.callbacks import Callback
    from samplewise.training.history import History
    from samplewise.training.lr_range_test import RateSweep, find_rate
    from samplewise.training.many import train_many
    from samplewise.training.settings.training_settings import TrainingSettings
    from samplewise.training.train import TrainingResult, train

from samplewise._version import __version__

_HOMES = {
    "AvgPool2D": "samplewise.network",
    "Callback": "samplewise.training.callbacks",
    "Conv2D": "samplewise.network",
    "Dataset": "samplewise.data.dataset",
    "Dense": "samplewise.network",
    "Dropout": "samplewise.network",
    "Experiment": "samplewise.experiment.experiment",
    "ExperimentResult": "samplewise.experiment.run",
    "Flatten": "samplewise.network",
    "GlobalAvgPool": "samplewise.network",
    "History": "samplewise.training.history",
    "LayerNorm": "samplewise.network",
    "MaxPool2D": "samplewise.network",
    "Model": "samplewise.model.model",
    "Network": "samplewise.network",
    "RateSweep": "samplewise.training.lr_range_test",
    "SamplewiseError": "samplewise.errors",
    "SamplewiseWarning": "samplewise.errors",
    "SomeDivergedError": "samplewise.errors",
    "TrainingResult": "samplewise.training.train",
    "TrainingSettings": "samplewise.training.settings.training_settings",
    "find_rate": "samplewise.training.lr_range_test",
    "load_dataset": "samplewise.data.loading",
    "load_inputs": "samplewise.data.inputs",
    "load_model": "samplewise.model.model_file",
    "multilayer_perceptron": "samplewise.network",
    "prepare": "samplewise.experiment.run",
    "register_activation": "samplewise.network.own",
    "register_loss": "samplewise.network.own",
    "register_optimizer": "samplewise.network.own_optimizer",
    "run": "samplewise.experiment.run",
    "run_many": "samplewise.experiment.run",
    "save_model": "samplewise.model.model_file",
    "train": "samplewise.training.train",
    "train_many": "samplewise.training.many",
}
_NAMES_AT_HOME = {"load_dataset": "load"}

__all__ = [
    "AvgPool2D",
    "Callback",
    "Conv2D",
    "Dataset",
    "Dense",
    "Dropout",
    "Experiment",
    "ExperimentResult",
    "Flatten",
    "GlobalAvgPool",
    "History",
    "LayerNorm",
    "MaxPool2D",
    "Model",
    "Network",
    "RateSweep",
    "SamplewiseError",
    "SamplewiseWarning",
    "SomeDivergedError",
    "TrainingResult",
    "TrainingSettings",
    "__version__",
    "find_rate",
    "load_dataset",
    "load_inputs",
    "load_model",
    "multilayer_perceptron",
    "prepare",
    "register_activation",
    "register_loss",
    "register_optimizer",
    "run",
    "run_many",
    "save_model",
    "train",
    "train_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'samplewise' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), _NAMES_AT_HOME.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
