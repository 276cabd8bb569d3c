"""An argument that a constructor does not have is an error that names the one that is meant."""

import copy
import inspect
import pickle
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from sklearn.base import BaseEstimator

import samplewise
from samplewise import (
    SGD,
    Adam,
    CNNClassifier,
    Conv2D,
    Cosine,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    Huber,
    MLPClassifier,
    MLPRegressor,
    Network,
    NeuralNetClassifier,
    RMSprop,
    Step,
    Sweep,
    TrainingSettings,
)
from samplewise.errors import ParameterError, UnknownArgumentError
from samplewise.network import Loss, Optimizer
from samplewise.network.layers import Layer
from samplewise.options.settings import Settings
from samplewise.training.schedules import Schedule
from samplewise.training.settings.auto_loss import AutoLoss

if TYPE_CHECKING:
    from decimal import Decimal

BASES = (Settings, Optimizer, Schedule, Loss, AutoLoss, Layer, Network, Sweep, BaseEstimator)
PUBLIC = [getattr(samplewise, name) for name in samplewise.__all__ if name != "SweepSearchCV"]
KINDS = [kind for kind in [*PUBLIC, AutoLoss] if isinstance(kind, type) and issubclass(kind, BASES)]


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        (TrainingSettings, "lr", "; did you mean 'learning_rate'?"),
        (TrainingSettings, "epoch", "; did you mean 'epochs'?"),
        (TrainingSettings, "batchsize", "; did you mean 'batch_size'?"),
        (TrainingSettings, "beta_1", "; did you mean 'beta1'?"),
        (EarlyStopping, "n_iter_no_change", "; did you mean 'patience'?"),
        (Adam, "eps", "; did you mean 'epsilon'?"),
        (Adam, "betas", "; did you mean 'beta1'?"),
        (SGD, "lr", "; write TrainingSettings(learning_rate=3)"),
        (RMSprop, "learning_rate", "; write TrainingSettings(learning_rate=3)"),
        (Cosine, "eta", "; write TrainingSettings(learning_rate=3)"),
        (Cosine, "eta_min", "; did you mean 'final_rate'?"),
        (Cosine, "T_max", ". Arguments: warmup_steps, final_rate"),
        (Step, "step_size", "; did you mean 'every'?"),
        (Step, "gamma", "; did you mean 'decay'?"),
        (Dense, "out_features", "; did you mean 'units'?"),
        (Dense, "activaton", "; did you mean 'activation'?"),
        (Conv2D, "kernel_size", "; did you mean 'kernel'?"),
        (Conv2D, "out_channels", "; did you mean 'filters'?"),
        (Dropout, "p", "; did you mean 'rate'?"),
        (Flatten, "axis", "; it takes none"),
        (SGD, "cls", f". Arguments: {', '.join(inspect.signature(SGD).parameters)}"),
        (Network, "x", ". Arguments: input_shape, layers"),
        (Huber, "detla", "; did you mean 'delta'?"),
        (Sweep, "seed", "; did you mean 'seeds'?"),
        (MLPClassifier, "lr", "; did you mean 'learning_rate_init'?"),
        (MLPClassifier, "epochs", "; did you mean 'max_iter'?"),
        (MLPRegressor, "seed", "; did you mean 'random_state'?"),
        (CNNClassifier, "optimizer", "; did you mean 'solver'?"),
        (NeuralNetClassifier, "patience", "; did you mean 'n_iter_no_change'?"),
    ],
)
def test_the_argument_that_is_meant_is_named(kind, given, hint):
    with pytest.raises(UnknownArgumentError) as caught:
        kind(**{given: 3})
    assert str(caught.value) == f"{kind.__name__}: '{given}' is not an argument{hint}"


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_an_error_of_ours_and_of_pythons_kind(kind):
    for family in (ParameterError, TypeError):
        with pytest.raises(family, match=f"{kind.__name__}: 'no such' is not an argument"):
            kind(**{"no such": 3})


def test_signatures_and_copies_are_those_of_plain_classes():
    assert list(inspect.signature(Dense).parameters) == ["units", "activation", "trainable"]
    for made in (Dense(3), TrainingSettings(epochs=3), Adam(beta1=0.5), Network(3, [Dense(2)])):
        assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == made


def test_a_subclass_may_take_what_it_likes():
    class Wide(Dense):
        def __init__(self, factor, **rest):
            super().__init__(100 * factor, **rest)

    @dataclass(frozen=True, kw_only=True)
    class Slow(Cosine):
        slowness: int = 3

    assert Wide(factor=2, activation="relu").units == 200
    assert Slow(slowness=4).slowness == 4
    with pytest.raises(UnknownArgumentError, match="Slow: 'slownes' is not an argument; did you"):
        Slow(slownes=4)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="Python evaluates annotations at once")
def test_a_subclass_may_be_annotated_by_what_only_type_checkers_import():
    class Wide(Dense):
        def __init__(self, factor: Decimal) -> None:
            super().__init__(100 * int(factor))

    assert Wide(factor=2).units == 200
    with pytest.raises(UnknownArgumentError, match="Wide: 'facto' is not an argument; did you"):
        Wide(facto=2)


def test_another_base_of_a_subclass_gets_the_arguments_too():
    class Noted:
        def __new__(cls, *given, **named):
            made = super().__new__(cls)
            object.__setattr__(made, "noted", (given, named))
            return made

    class NotedDense(Dense, Noted):
        pass

    assert NotedDense(3, activation="relu").noted == ((3,), {"activation": "relu"})
