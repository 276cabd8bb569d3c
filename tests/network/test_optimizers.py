"""The description of an update rule: its ranges, its state and what it asks of a backend."""

import dataclasses

import pytest

from samplewise.errors import ParameterError
from samplewise.network import SGD, Adagrad, Adam, RMSprop


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"momentum": 1.0}, "momentum"),
        ({"momentum": -0.1}, "momentum"),
        ({"momentum": float("nan")}, "momentum"),
        ({"l2": -0.1}, "l2"),
        ({"l2": float("inf")}, "l2"),
        ({"momentum": 0.9, "nesterov": 1}, "nesterov"),
        ({"nesterov": True}, "nesterov: must have a momentum above 0"),
        ({"rate_in_velocity": True}, "rate_in_velocity: must have a momentum above 0"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, complaint):
    with pytest.raises(ParameterError, match=complaint):
        SGD(**settings)


@pytest.mark.parametrize(
    ("rule", "slots", "features"),
    [
        (SGD(), 0, {"sgd"}),
        (SGD(l2=0.1), 0, {"sgd", "l2"}),
        (SGD(momentum=0.9), 1, {"sgd", "momentum"}),
        (SGD(momentum=0.9, nesterov=True, l2=0.1), 1, {"sgd", "momentum", "nesterov", "l2"}),
        (SGD(momentum=0.9, rate_in_velocity=True), 1, {"sgd", "momentum", "rate_in_velocity"}),
        (Adam(), 2, {"adam"}),
        (Adam(epsilon_hat=True), 2, {"adam", "epsilon_hat"}),
    ],
)
def test_a_rule_says_what_it_keeps_and_what_it_needs(rule, slots, features):
    assert rule.slots == slots
    assert set(rule.features) == features


def test_equal_rules_are_one_key_and_whole_numbers_become_floats():
    assert {SGD(momentum=0, l2=1)} == {SGD(l2=1.0)}
    assert isinstance(SGD(l2=1).l2, float)


def test_a_rule_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SGD().l2 = 0.1


@pytest.mark.parametrize(
    ("rule", "linear"),
    [
        (SGD(), True),
        (SGD(momentum=0.9, nesterov=True, l2=0.1), True),
        (SGD(l1=0.1), False),
        (SGD(momentum=0.9, rate_in_velocity=True), False),
        (SGD(weight_decay=0.1), False),
        (SGD(clip_value=1.0), False),
        (SGD(clip_norm=1.0), False),
        (Adam(), False),
        (RMSprop(), False),
        (Adagrad(), False),
    ],
    ids=str,
)
def test_only_a_linear_rule_can_be_made_in_blocks(rule, linear):
    assert rule.is_linear == linear
