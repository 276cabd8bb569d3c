"""Composed settings, their flat words, and the errors that say where a word belongs."""

import copy
import dataclasses
import pickle

import pytest

from samplewise import (
    SGD,
    Adam,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Cosine,
    DataSettings,
    EarlyStopping,
    Experiment,
    Huber,
    NetworkSettings,
    Step,
    TrainingSettings,
)
from samplewise.data.preprocessing import PREPROCESSING
from samplewise.errors import CombinationError, ParameterError
from samplewise.network.activations import ACTIVATIONS
from samplewise.network.initializers import INITIALIZERS
from samplewise.network.layer_spec import READERS
from samplewise.network.losses import LOSSES
from samplewise.network.optimizers import OPTIMIZERS, RMSprop
from samplewise.options.fields import options_of
from samplewise.options.words import words_of
from samplewise.other_names import OTHER_NAMES, ours
from samplewise.training.schedules import SCHEDULES
from samplewise.training.settings.auto_loss import AutoLoss

COMPOSED = TrainingSettings(
    optimizer=Adam(beta1=0.8, l2=0.1),
    loss=Huber(delta=2.0),
    schedule=Cosine(warmup_steps=3),
    stopping=EarlyStopping(patience=4),
    epochs=5,
)
FLAT = {
    "optimizer": "adam",
    "beta1": 0.8,
    "l2": 0.1,
    "loss": "huber",
    "delta": 2.0,
    "schedule": "cosine",
    "warmup_steps": 3,
    "patience": 4,
    "epochs": 5,
}


def option_help(kind, name):
    return next(option.help for word, _, option in options_of(kind) if word == name)


def test_flat_words_and_objects_describe_the_same():
    assert TrainingSettings.from_options(**FLAT) == COMPOSED
    words = COMPOSED.to_options()
    assert {name: words[name] for name in FLAT} == FLAT
    assert words["momentum"] is words["decay"] is words["label_smoothing"] is None
    assert words["beta2"] is None, "as usual, so that the words also go with another optimizer"
    assert TrainingSettings.from_options(**words) == COMPOSED
    assert TrainingSettings.from_options(**TrainingSettings().to_options() | {"optimizer": "adam"})


def test_a_name_is_an_object_with_the_usual_options():
    named = TrainingSettings(optimizer="rmsprop", loss="huber", schedule="cosine")
    assert (named.optimizer, named.loss, named.schedule) == (RMSprop(), Huber(), Cosine())


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_auto_keeps_its_options(outputs):
    chosen = TrainingSettings(loss=AutoLoss(label_smoothing=0.2))
    kind = BinaryCrossEntropy if outputs == 1 else CategoricalCrossEntropy
    assert chosen.loss_for(outputs) == kind(0.2)
    assert TrainingSettings.from_options(label_smoothing=0.2) == chosen


def test_settings_are_frozen_compared_hashed_and_copied():
    again = TrainingSettings.from_options(**FLAT)
    assert hash(again) == hash(COMPOSED)
    assert pickle.loads(pickle.dumps(COMPOSED)) == copy.deepcopy(COMPOSED) == COMPOSED
    assert dataclasses.replace(COMPOSED, epochs=6) != COMPOSED
    for name in ("epochs", "optimizer", "stopping"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(COMPOSED, name, None)


def test_changed_words_keep_the_others():
    changed = COMPOSED.with_options(beta2=0.9, patience=2)
    assert changed.optimizer == Adam(beta1=0.8, l2=0.1, beta2=0.9)
    assert (changed.stopping.patience, changed.loss) == (2, Huber(delta=2.0))
    # Another choice starts from its own defaults, the same name too.
    assert COMPOSED.with_options(optimizer="sgd").optimizer == SGD()
    assert COMPOSED.with_options(optimizer="adam", l2=0.2).optimizer == Adam(l2=0.2)
    assert COMPOSED.with_options(optimizer=SGD(0.5)).optimizer == SGD(0.5)
    assert COMPOSED.with_options(optimizer=SGD(0.5), l1=0.1).optimizer == SGD(0.5, l1=0.1)
    assert COMPOSED.with_options(beta1=None) == COMPOSED


def test_an_experiment_is_composed_of_data_network_and_training():
    composed = Experiment(
        data=DataSettings(source="iris", split=0.3),
        network=NetworkSettings(hidden=(8,)),
        training=COMPOSED,
    )
    flat = Experiment.from_options(data="iris", split=0.3, hidden=8, **FLAT)
    assert flat == composed
    assert Experiment.from_options(**composed.to_options()) == composed


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (
            TrainingSettings,
            {"momentum": 0.9},
            "write optimizer=SGD(momentum=0.9), or TrainingSettings.from_options(momentum=0.9)",
        ),
        (
            TrainingSettings,
            {"optimizer": "adam", "epsilon": 1e-7},
            "write optimizer=Adam(epsilon=1e-07)",
        ),
        (TrainingSettings, {"patience": 3}, "write stopping=EarlyStopping(patience=3)"),
        (TrainingSettings, {"every": 3}, "write schedule=Step(every=3)"),
        (Experiment, {"epochs": 3}, "write training=TrainingSettings(epochs=3)"),
        (Experiment, {"classes": None}, "write data=DataSettings(classes=None)"),
        (Experiment, {"beta1": 0.5}, "training=TrainingSettings(optimizer=Adam(beta1=0.5))"),
        (Experiment, {"optimizer": "adam"}, "training=TrainingSettings(optimizer='adam')"),
        (
            Experiment,
            {"data": "iris"},
            "must be an instance of DataSettings, got 'iris'; write data=DataSettings(...)",
        ),
        (
            TrainingSettings,
            {"stopping": 3},
            "stopping: must be an instance of EarlyStopping, got 3",
        ),
        (
            TrainingSettings,
            {"optimizer": "adam", "l2": 0.1},
            "l2 belongs to optimizer; write optimizer=Adam(l2=0.1)",
        ),
        (TrainingSettings, {"optimizer": "adma"}, "did you mean 'adam'?"),
        (TrainingSettings, {"optimizer": 3}, "optimizer: must be one of sgd"),
        (TrainingSettings, {"optimizer": Adam}, "write optimizer=Adam()"),
        (TrainingSettings, {"schedule": Cosine}, "write schedule=Cosine()"),
        (TrainingSettings, {"schedule": "step"}, "every: must be given for schedule step"),
    ],
)
def test_a_word_in_the_wrong_place_is_told_its_place(kind, given, message):
    with pytest.raises(ParameterError) as caught:
        kind(**given)
    assert message in str(caught.value)


def test_an_unknown_word_is_compared_with_the_known_ones():
    with pytest.raises(
        ParameterError, match=r"'epohcs' is not an option; did you mean 'epochs'\?$"
    ):
        Experiment.from_options(epohcs=3)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (TrainingSettings, "epohcs", "did you mean 'epochs'?"),
        (TrainingSettings, "lr", "did you mean 'learning_rate'?"),
        (TrainingSettings, "stoping", "did you mean 'stopping'?"),
        (TrainingSettings, "unlike", "Options: loss, learning_rate, epochs,"),
        (EarlyStopping, "restore_best_weights", "did you mean 'keep_best'?"),
        (Experiment, "trainings", "did you mean 'training'?"),
        (Adam, "beta_1", "did you mean 'beta1'?"),
        (Adam, "lr", "it belongs to settings, as in TrainingSettings(learning_rate=...)"),
        (SGD, "rho", "clip_norm, momentum, nesterov, rate_in_velocity"),
    ],
)
def test_an_unknown_argument_is_compared_with_the_known_ones(kind, name, message):
    with pytest.raises(TypeError) as caught:
        kind(**{name: 3})
    assert str(caught.value).startswith(f"{kind.__name__}() has no argument '{name}'")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "here"),
    [(given, here) for here in words_of(Experiment) for given in OTHER_NAMES.get(here, "").split()],
)
def test_a_word_of_another_library_gets_the_option_that_it_is_here(given, here):
    with pytest.raises(ParameterError, match=f"'{given}' is not an option; did you mean '{here}'"):
        Experiment.from_options(**{given: 3})


@pytest.mark.parametrize(
    ("words", "here"),
    [
        ({"loss": "mse"}, "mean_squared_error"),
        ({"loss": "log_loss"}, "binary_cross_entropy"),
        ({"loss": "CrossEntropy"}, "categorical_cross_entropy"),
        ({"loss": "CrossEntropyLoss"}, "categorical_cross_entropy"),
        ({"loss": "softmax_cross_entropy"}, "categorical_cross_entropy"),
        ({"loss": "sigmoid_cross_entropy"}, "binary_cross_entropy"),
        ({"loss": "BCEWithLogitsLoss"}, "binary_cross_entropy"),
        ({"activation": "logistic"}, "sigmoid"),
        ({"activation": "linear"}, "identity"),
        ({"layers": "linear 3"}, "dense"),
        ({"layers": "MaxPool2d 2"}, "pool"),
        ({"optimizer": "NAdam"}, "adam"),
        ({"schedule": "ReduceLROnPlateau"}, "plateau"),
        ({"schedule": "invscaling"}, "inverse_scaling"),
        ({"schedule": "none"}, "constant"),
        ({"init": "glorot"}, "glorot_uniform"),
        ({"init": "kaiming-normal"}, "he_normal"),
        ({"preprocess": "StandardScaler"}, "standardize"),
    ],
)
def test_a_value_of_another_library_gets_the_one_that_it_is_here(words, here):
    with pytest.raises(ParameterError, match=f"did you mean '{here}'"):
        Experiment.from_options(**words)


def test_the_names_of_others_lead_to_names_that_there_are():
    kinds = LOSSES, ACTIVATIONS, OPTIMIZERS, SCHEDULES, INITIALIZERS, READERS, PREPROCESSING
    assert set(OTHER_NAMES) <= {name for each in (*kinds, words_of(Experiment)) for name in each}
    assert ours("anything else") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"data": 3}, "data: must name a source or a path, got a value of type int; train on"),
        ({"classes": ("4",)}, "classes: must name at least two classes, got '4'"),
    ],
)
def test_a_wrong_source_of_data_is_an_error_that_names_it(words, message):
    with pytest.raises(ParameterError, match=f"^{message}"):
        Experiment.from_options(**words)


def test_an_option_of_another_choice_is_refused():
    with pytest.raises(
        CombinationError,
        match="beta1 is 0.5, but optimizer sgd has no beta1; it is an option of adam",
    ):
        TrainingSettings.from_options(beta1=0.5)
    with pytest.raises(CombinationError, match="every is 2, but schedule cosine has no every"):
        COMPOSED.with_options(every=2)
    assert TrainingSettings.from_options(schedule="step", every=2).schedule == Step(every=2)


def test_help_names_kinds_only_of_an_option_that_some_of_them_have():
    words = words_of(TrainingSettings)
    assert words["momentum"].help == f"{option_help(SGD, 'momentum')} (sgd)"
    assert words["l2"].help == option_help(SGD, "l2")


def test_an_option_of_all_kinds_has_its_usual_value_among_the_words():
    words = TrainingSettings().to_options()
    assert (words["l2"], words["warmup_steps"]) == (0, 0)


def test_help_shows_no_names_as_none():
    assert words_of(DataSettings)["drop"].default == "none"


def test_docstrings_list_the_fields_with_their_help():
    documented = TrainingSettings.__doc__
    assert "epochs: passes over the training rows." in documented
    assert f"or a name of {', '.join(OPTIMIZERS)}." in documented
    assert documented.index("Args:") < documented.index("Raises:")
