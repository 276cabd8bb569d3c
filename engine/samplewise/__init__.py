"""samplewise: small neural networks on a CPU, on backends that provably agree.

Public names are imported when first used, so that `import samplewise` stays light.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from samplewise._version import __version__ as __version__

# Metadata has no word for such a build, so that pip installs a wheel for it.
if "free-threading build" in sys.version:
    raise ImportError(
        "samplewise: needs a Python with the GIL, got a free-threaded build, "
        f"{sys.version.partition(' ')[0]}; install it with one without a t in its name, such as "
        f"python3.{sys.version_info.minor}"
    )

if TYPE_CHECKING:
    from samplewise import logging as logging
    from samplewise.contract import TrainingState as TrainingState
    from samplewise.data.dataset import Dataset as Dataset
    from samplewise.data.inputs import load_inputs as load_inputs
    from samplewise.data.loading import load
    from samplewise.data.sources.options import SourceOptions as SourceOptions
    from samplewise.displays import TrainingCurveDisplay as TrainingCurveDisplay
    from samplewise.displays import WeightsDisplay as WeightsDisplay
    from samplewise.errors import SamplewiseError as SamplewiseError
    from samplewise.errors import SamplewiseWarning as SamplewiseWarning
    from samplewise.errors import SomeDivergedError as SomeDivergedError
    from samplewise.estimators.mlp import MLPClassifier as MLPClassifier
    from samplewise.estimators.mlp import MLPRegressor as MLPRegressor
    from samplewise.estimators.network import CNNClassifier as CNNClassifier
    from samplewise.estimators.network import NeuralNetClassifier as NeuralNetClassifier
    from samplewise.estimators.network import NeuralNetRegressor as NeuralNetRegressor
    from samplewise.estimators.search import SweepSearchCV as SweepSearchCV
    from samplewise.exchange import from_sklearn as from_sklearn
    from samplewise.exchange import from_torch as from_torch
    from samplewise.exchange import save_torch as save_torch
    from samplewise.exchange import to_sklearn as to_sklearn
    from samplewise.exchange import to_torch as to_torch
    from samplewise.exchange import torch_code as torch_code
    from samplewise.experiment.data_settings import DataSettings as DataSettings
    from samplewise.experiment.experiment import Experiment as Experiment
    from samplewise.experiment.network_settings import NetworkSettings as NetworkSettings
    from samplewise.experiment.prepared import prepare as prepare
    from samplewise.experiment.run import ExperimentResult as ExperimentResult
    from samplewise.experiment.run import run as run
    from samplewise.experiment.run import run_many as run_many
    from samplewise.model.model import Model as Model
    from samplewise.model.model_file import load_model as load_model
    from samplewise.model.model_file import save_model as save_model
    from samplewise.model.transfer import transfer as transfer
    from samplewise.network import SGD as SGD
    from samplewise.network import Adagrad as Adagrad
    from samplewise.network import Adam as Adam
    from samplewise.network import AvgPool2D as AvgPool2D
    from samplewise.network import Conv2D as Conv2D
    from samplewise.network import Dense as Dense
    from samplewise.network import Dropout as Dropout
    from samplewise.network import Flatten as Flatten
    from samplewise.network import GlobalAvgPool as GlobalAvgPool
    from samplewise.network import LayerNorm as LayerNorm
    from samplewise.network import MaxPool2D as MaxPool2D
    from samplewise.network import Network as Network
    from samplewise.network import RMSprop as RMSprop
    from samplewise.network import multilayer_perceptron as multilayer_perceptron
    from samplewise.network.custom import register_activation as register_activation
    from samplewise.network.custom import register_loss as register_loss
    from samplewise.network.custom import register_optimizer as register_optimizer
    from samplewise.network.losses import BinaryCrossEntropy as BinaryCrossEntropy
    from samplewise.network.losses import CategoricalCrossEntropy as CategoricalCrossEntropy
    from samplewise.network.losses import Huber as Huber
    from samplewise.sweep.definition import Sweep as Sweep
    from samplewise.sweep.results import SweepResult as SweepResult
    from samplewise.sweep.results import read_results as read_results
    from samplewise.sweep.run import run_sweep as run_sweep
    from samplewise.training.callbacks import Callback as Callback
    from samplewise.training.callbacks.checkpoint import Checkpoint as Checkpoint
    from samplewise.training.checkpoints.resumable import ResumableTraining as ResumableTraining
    from samplewise.training.history import History as History
    from samplewise.training.lr_range_test import LearningRateRangeTest as LearningRateRangeTest
    from samplewise.training.lr_range_test import lr_range_test as lr_range_test
    from samplewise.training.many import train_many as train_many
    from samplewise.training.result import TrainingResult as TrainingResult
    from samplewise.training.schedules import Constant as Constant
    from samplewise.training.schedules import Cosine as Cosine
    from samplewise.training.schedules import Exponential as Exponential
    from samplewise.training.schedules import InverseRows as InverseRows
    from samplewise.training.schedules import InverseScaling as InverseScaling
    from samplewise.training.schedules import OneCycle as OneCycle
    from samplewise.training.schedules import Plateau as Plateau
    from samplewise.training.schedules import Step as Step
    from samplewise.training.settings.stopping import EarlyStopping as EarlyStopping
    from samplewise.training.settings.training_settings import TrainingSettings as TrainingSettings
    from samplewise.training.snapshot import Snapshot as Snapshot
    from samplewise.training.train import train as train
    from samplewise.training.warm_up import warm_up as warm_up

    load_dataset = load

# Modules below `samplewise` and their public names, joined by blanks; type checkers read the
# imports above.
_PUBLIC = {
    "contract": "TrainingState",
    "data.dataset": "Dataset",
    "data.inputs": "load_inputs",
    "data.loading": "load_dataset",
    "data.sources.options": "SourceOptions",
    "displays": "TrainingCurveDisplay WeightsDisplay",
    "errors": "SamplewiseError SamplewiseWarning SomeDivergedError",
    "estimators.mlp": "MLPClassifier MLPRegressor",
    "estimators.network": "CNNClassifier NeuralNetClassifier NeuralNetRegressor",
    "estimators.search": "SweepSearchCV",
    "exchange": "from_sklearn from_torch save_torch to_sklearn to_torch torch_code",
    "experiment.experiment": "Experiment",
    "experiment.prepared": "prepare",
    "experiment.run": "ExperimentResult run run_many",
    "model.model": "Model",
    "model.model_file": "load_model save_model",
    "model.transfer": "transfer",
    "experiment.data_settings": "DataSettings",
    "experiment.network_settings": "NetworkSettings",
    "network": "SGD Adagrad Adam AvgPool2D Conv2D Dense Dropout Flatten GlobalAvgPool LayerNorm "
    "MaxPool2D Network RMSprop multilayer_perceptron",
    "network.custom": "register_activation register_loss register_optimizer",
    "network.losses": "BinaryCrossEntropy CategoricalCrossEntropy Huber",
    "sweep.definition": "Sweep",
    "sweep.results": "SweepResult read_results",
    "sweep.run": "run_sweep",
    "training.callbacks": "Callback",
    "training.callbacks.checkpoint": "Checkpoint",
    "training.checkpoints.resumable": "ResumableTraining",
    "training.history": "History",
    "training.lr_range_test": "LearningRateRangeTest lr_range_test",
    "training.many": "train_many",
    "training.result": "TrainingResult",
    "training.schedules": "Constant Cosine Exponential InverseRows InverseScaling OneCycle Plateau "
    "Step",
    "training.settings.stopping": "EarlyStopping",
    "training.settings.training_settings": "TrainingSettings",
    "training.snapshot": "Snapshot",
    "training.train": "train",
    "training.warm_up": "warm_up",
}
_HOMES = {name: module for module, names in _PUBLIC.items() for name in names.split()}
_NAMES_AT_HOME = {"load_dataset": "load"}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604 - names, from the table


def __getattr__(name: str) -> Any:
    # Not in __all__: a star import would hide Python's own module of this name.
    if name == "logging":
        return importlib.import_module("samplewise.logging")
    if name not in _HOMES:
        raise AttributeError(f"module 'samplewise' has no attribute '{name}'")
    home = importlib.import_module(f"samplewise.{_HOMES[name]}")
    value = getattr(home, _NAMES_AT_HOME.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
