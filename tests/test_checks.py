"""Checks of settings say what came, what was expected and what to do."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplewise import checks, name_lists
from samplewise.errors import ParameterError, SamplewiseError


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_whole_numbers_pass(value):
    assert checks.whole_number("epochs", value) == value


@pytest.mark.parametrize("value", [0, -1, 2.5, 2.0, True, "3", None, float("nan")])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ParameterError, match="epochs: must be a whole number of at least 1, got"):
        checks.whole_number("epochs", value)


def test_a_maximum_is_named():
    with pytest.raises(ParameterError, match="epochs: must be a whole number from 1 to 8, got 9"):
        checks.whole_number("epochs", 9, maximum=8)


@pytest.mark.parametrize("value", [0.1, 3, np.float32(2)])
def test_positive_numbers_pass(value):
    assert checks.positive_number("learning_rate", value) == value


@pytest.mark.parametrize("value", [0, -0.1, float("nan"), float("inf"), 10**400, "0.1", True, None])
def test_what_is_no_positive_number_is_refused(value):
    with pytest.raises(ParameterError, match="learning_rate: must be a .*number above 0, got"):
        checks.positive_number("learning_rate", value)


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.2, "half"])
def test_a_fraction_lies_strictly_inside(value):
    with pytest.raises(ParameterError, match="split: must be .*above 0 and below 1, got"):
        checks.open_fraction("split", value)


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_switch_is_true_or_false(value):
    with pytest.raises(ParameterError, match="shuffle: must be true or false, got"):
        checks.true_or_false("shuffle", value)


@pytest.mark.parametrize("value", ["reluu", "RELU"])
def test_a_close_name_is_suggested(value):
    with pytest.raises(ParameterError, match="did you mean 'relu'"):
        checks.one_of("activation", value, ("relu", "tanh"))


def test_a_value_that_is_no_name_is_refused():
    with pytest.raises(ParameterError, match="activation: must be one of relu, tanh, got 3$"):
        checks.one_of("activation", 3, ("relu", "tanh"))


def test_a_value_of_another_class_gets_the_call_that_makes_one():
    with pytest.raises(
        ParameterError, match=r"path: .* pathlib.Path, got 3; Path\(...\) makes one$"
    ):
        checks.instance_of("path", 3, Path)
    with pytest.raises(ParameterError, match=r"got 3; Path.home\(\) makes one$"):
        checks.instance_of("path", 3, Path, "Path.home()")


def test_a_long_list_of_names_is_cut():
    names = [f"name-{number}" for number in range(75)]
    assert checks.listed(names[:3]) == "name-0, name-1, name-2"
    assert checks.listed(names).endswith(", name-19 and 55 more")


def test_known_names_are_listed_only_where_none_is_close():
    assert checks.suggestion_or_list("reluu", ["relu", "tanh"], "Known") == "; did you mean 'relu'?"
    assert checks.suggestion_or_list("x", ["relu", "tanh"], "Known") == ". Known: relu, tanh"


def test_hostile_text_is_escaped_and_cut():
    shown = checks.printable("\x1b[31m" + "x" * 500)
    assert shown.startswith("\\x1b[31m")
    assert len(shown) == 201


def test_parameter_errors_are_value_errors_of_the_family():
    assert issubclass(ParameterError, SamplewiseError)
    assert issubclass(ParameterError, ValueError)


@given(st.lists(st.text("ab,:\"' ", min_size=1).filter(str.strip), min_size=1))
def test_names_that_are_quoted_are_read_back(names):
    assert name_lists.listed_names(",".join(map(name_lists.quoted, names))) == tuple(names)


@pytest.mark.parametrize("text", ["", "a,", ",a", '"a', '"a"b,c', '" ",a', 'a, "'])
def test_lists_with_a_blank_name_or_an_open_quote_are_not_read(text):
    with pytest.raises(ValueError):  # noqa: PT011 - callers say what is expected
        name_lists.listed_names(text)
