"""Every default as a literal value: one that changes changes results, and is changed here too.

A field or an option with a default that is not listed fails as well.
"""

import dataclasses
import inspect
import logging
from pathlib import Path

import pytest
from typer.main import get_command

import samplewise
from samplewise.cli.commands import application
from samplewise.contract import Plan, Steps, TrainingState, Workload
from samplewise.data.augmentation import Augmentation
from samplewise.data.contact_sheet import contact_sheet
from samplewise.data.sources.options import SourceOptions
from samplewise.data.sources.synthetic import load_synthetic
from samplewise.experiment.explanation import explain
from samplewise.network import LOSSES, OPTIMIZERS
from samplewise.network.custom import CUSTOM_LOSSES, CUSTOM_OPTIMIZERS
from samplewise.network.layers import LAYERS
from samplewise.options.fields import options_of
from samplewise.training.schedules import SCHEDULES

EVERY_RULE = {
    "l1": 0.0,
    "l2": 0.0,
    "weight_decay": 0.0,
    "clip_value": None,
    "clip_norm": None,
}
RULES = {
    "sgd": {"momentum": 0.0, "nesterov": False, "rate_in_velocity": False},
    "adam": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "epsilon_hat": False},
    "rmsprop": {"rho": 0.99, "epsilon": 1e-8},
    "adagrad": {"epsilon": 1e-10},
}
OF_SCHEDULES = {
    "constant": {},
    "step": {"every": None, "decay": 0.1},
    "exponential": {"decay": 0.9},
    "plateau": {"plateau_epochs": 5, "decay": 0.1, "final_rate": 0.0, "stop_rate": None},
    "cosine": {"final_rate": 0.0},
    "one_cycle": {"final_rate": None},
    "inverse_scaling": {"power": 0.5},
    "inverse_rows": {"power": 0.5, "rows_seen": 0},
}
OF_LOSSES = {
    "binary_cross_entropy": {"label_smoothing": 0.0},
    "categorical_cross_entropy": {"label_smoothing": 0.0},
    "multi_label_cross_entropy": {},
    "mean_squared_error": {},
    "mean_absolute_error": {},
    "huber": {"delta": 1.0},
    "poisson": {},
}
OF_LAYERS = {
    "dense": {"activation": "identity", "trainable": True},
    "conv": {"stride": 1, "padding": "valid", "activation": "identity", "trainable": True},
    "max_pool": {"size": (2, 2), "stride": None},
    "avg_pool": {"size": (2, 2), "stride": None},
    "global_avg_pool": {},
    "flatten": {},
    "dropout": {"rate": 0.5},
    "layer_norm": {"epsilon": 1e-5, "trainable": True},
}
# None takes what the optimizer, the loss or the schedule has by itself: the tables above.
OF_TRAINING = {
    "loss": "auto",
    "label_smoothing": None,
    "delta": None,
    "learning_rate": 0.1,
    "epochs": 10,
    "batch_size": 1,
    "init": "normal",
    "seed": 0,
    "shuffle": False,
    "order_seed": None,
    "augment": None,
    "optimizer": "sgd",
    "momentum": None,
    "nesterov": None,
    "rate_in_velocity": None,
    "beta1": None,
    "beta2": None,
    "rho": None,
    "epsilon": None,
    "epsilon_hat": None,
    **EVERY_RULE,
    "schedule": "constant",
    "warmup_steps": 0,
    "decay": None,
    "every": None,
    "final_rate": None,
    "power": None,
    "plateau_epochs": None,
    "rows_seen": None,
    "stop_rate": None,
    "validation_fraction": None,
    "monitor": "auto",
    "patience": None,
    "min_delta": 0.0,
    "follow_best": False,
    "keep_best": None,
    "target_loss": None,
    "target_accuracy": None,
    "max_seconds": None,
    "max_steps": None,
    "class_weight": None,
    "ema_decay": None,
    "normalize_weights": False,
    "gradient_scale": 1.0,
    "batch_l2": 0.0,
    "backend": None,
    "device": None,
    "dtype": "float64",
    "threads": 1,
    "plan": "auto",
    "memory_mb": 512,
    "track_accuracy": True,
    "exact_accuracy": False,
}
OF_SOURCES = {"label": None, "drop": (), "fit": "stretch", "full_scale": None}
OF_EXPERIMENTS = {
    **OF_TRAINING,
    **OF_SOURCES,
    "data": "synthetic",
    "classes": None,
    "image_size": "28x28",
    "preprocess": "auto",
    "standardize_targets": False,
    "validation_data": None,
    "test_data": None,
    "split": None,
    "split_seed": None,
    "stratify": False,
    "hidden": (10,),
    "activation": "sigmoid",
    "layers": None,
}
CLASSES = [
    *((OPTIMIZERS[name], {**EVERY_RULE, **own}) for name, own in RULES.items()),
    *((SCHEDULES[name], {"warmup_steps": 0, **own}) for name, own in OF_SCHEDULES.items()),
    *((LOSSES[name], own) for name, own in OF_LOSSES.items()),
    *((LAYERS[name], own) for name, own in OF_LAYERS.items()),
    (SourceOptions, {**OF_SOURCES, "numbers": False, "image_size": (28, 28)}),
    (Augmentation, {"shift": 0, "rotate": 0.0, "noise": 0.0}),
    (
        Workload,
        {
            "batch_size": 1,
            "epochs": 1,
            "shuffle": False,
            "plan": "auto",
            "memory_mb": 512,
            "threads": 1,
            "step_fields": frozenset(),
            "largest_input": 0.0,
            "block": None,
            "products": "",
        },
    ),
    (
        Plan,
        {
            "name": "direct",
            "reason": "the only plan of this backend",
            "block": None,
            "memory_bytes": 0,
            "epoch_ms": None,
            "chunk": None,
            "in_place": True,
            "products": "",
        },
    ),
    (
        Steps,
        {
            **dict.fromkeys(("rates", "weights", "l2", "penalties", "decisions")),
            "dropout_key": 0,
        },
    ),
    (TrainingState, {"step": 0, "network": None}),
]


def has_default(field):
    return field.default is not dataclasses.MISSING


@pytest.mark.parametrize(("described", "wanted"), CLASSES, ids=lambda v: getattr(v, "__name__", ""))
def test_the_defaults_of_a_description(described, wanted):
    found = {
        field.name: field.default for field in filter(has_default, dataclasses.fields(described))
    }
    assert found == wanted
    # 0 equals False, and 1 equals 1.0; but which of them it is decides what is written and read.
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in wanted.items()
    }


def test_every_default_is_what_its_own_check_returns():
    # An option that is left at its default is not checked.
    settings = [samplewise.TrainingSettings, samplewise.EarlyStopping, samplewise.DataSettings]
    kinds = [*OPTIMIZERS.values(), *SCHEDULES.values(), *LOSSES.values(), *settings]
    for kind in [*kinds, samplewise.NetworkSettings]:
        for word, field, found in options_of(kind):
            if has_default(field) and field.default is not None:
                checked = found.kind.check(word, field.default)
                assert (checked, type(checked)) == (field.default, type(field.default)), word


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [(samplewise.TrainingSettings(), OF_TRAINING), (samplewise.Experiment(), OF_EXPERIMENTS)],
    ids=["training", "experiment"],
)
def test_the_defaults_of_settings(settings, wanted):
    found = settings.to_options()
    assert found == wanted
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in wanted.items()
    }


def test_every_optimizer_schedule_loss_and_layer_stands_in_the_table():
    assert set(OPTIMIZERS) - CUSTOM_OPTIMIZERS.names == set(RULES)
    assert set(SCHEDULES) == set(OF_SCHEDULES)
    assert set(LOSSES) - CUSTOM_LOSSES.names == set(OF_LOSSES)
    assert set(LAYERS) == set(OF_LAYERS)


def test_settings_take_the_defaults_of_what_they_name():
    for name in RULES:
        assert samplewise.TrainingSettings(optimizer=name).optimizer == OPTIMIZERS[name]()
    for name in set(OF_SCHEDULES) - {"step"}:  # which needs `every`
        assert samplewise.TrainingSettings(schedule=name).schedule == SCHEDULES[name]()
    for name in OF_LOSSES:
        assert samplewise.TrainingSettings(loss=name).loss_for(1) == LOSSES[name]()


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (samplewise.Checkpoint, {"every": 1}),
        (samplewise.ResumableTraining, {"every": "5m"}),
        (samplewise.lr_range_test, {"lowest": 1e-5, "highest": 10.0}),
        (samplewise.multilayer_perceptron, {"activation": "sigmoid"}),
        (samplewise.TrainingCurveDisplay.from_estimator, {"figure": "loss"}),
        (samplewise.TrainingCurveDisplay.from_history, {"figure": "loss"}),
        (samplewise.WeightsDisplay.plot, {"cmap": "RdBu_r", "colorbar": True}),
        (samplewise.logging.to_stderr, {"level": logging.INFO}),
        (explain, {"measure": True}),
        (contact_sheet, {"columns": 10}),
        (load_synthetic, {"seed": 2024}),
        (samplewise.transfer, {"seed": 0, "init": "normal"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_defaults_of_a_function(function, wanted):
    parameters = inspect.signature(function).parameters.values()
    # Of the others, nothing is what was not given.
    nothing = (inspect.Parameter.empty, None, ())
    found = {each.name: each.default for each in parameters if each.default not in nothing}
    assert found == wanted


# An option of the configuration has its default there.
ON_THE_COMMAND_LINE = {
    "explain": {"measure": True},
    "report": {"part": 1, "repeats": 3},
    "bench": {"rounds": "5"},
    "warm-up": {"measure": True},
    "scaling": {"axes": "all", "rounds": "5", "seconds": "60", "out": Path("scaling")},
}


def test_the_defaults_of_the_command_line():
    group = get_command(application())
    group.list_commands(None)
    found = {
        name: {
            each.name: each.default
            for each in command.load().params
            if each.default not in (None, False)
        }
        for name, command in group.commands.items()
    }
    assert {name: options for name, options in found.items() if options} == ON_THE_COMMAND_LINE
