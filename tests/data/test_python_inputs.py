"""Rows, targets and weights reach training and models from any form that Python users hold."""

import numpy as np
import pytest
from frames import Column, Frame
from scipy import sparse

from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError, TrainingWarning
from samplewise.model.model import Model
from samplewise.network import multilayer_perceptron
from samplewise.training.lr_range_test import lr_range_test
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

ROWS = 30
X = np.random.default_rng(3).integers(0, 2, (ROWS, 3)) * 1.0
CLASSES = np.resize([0, 1, 1], ROWS)
NETWORK = multilayer_perceptron(3, (), 1)
THREE = multilayer_perceptron(3, (), 3)
SETTINGS = TrainingSettings(backend="vectorized", epochs=2, init="glorot_uniform")
FRAME = Frame(a=X[:, 0] == 1, b=Column(X[:, 1].astype(int).astype(object), "Int64"), c=X[:, 2])


def objects(values):
    return np.array(list(values), dtype=object)


def parameters(given=X, targets=CLASSES, **more):
    return train(NETWORK, given, targets, SETTINGS, **more).parameters


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (CLASSES.tolist(), ("0", "1")),
        (CLASSES == 1, ("False", "True")),
        (CLASSES.astype(float), ("0", "1")),
        (CLASSES.astype(float)[:, None], ("0", "1")),
        (CLASSES[:, None], ("0", "1")),
        (np.array(["cat", "dog"])[CLASSES], ("cat", "dog")),
        (np.array(["cat", "dog"])[CLASSES][:, None], ("cat", "dog")),
        (np.array([b"cat", b"dog"])[CLASSES], ("cat", "dog")),
        (np.array(["no", "yes"], dtype=np.dtypes.StringDType())[CLASSES], ("no", "yes")),
        (Column(np.array(["b", "c"], object)[CLASSES], "category"), ("b", "c")),
        (Frame(label=objects([False, True])[CLASSES]), ("False", "True")),
        (np.eye(2)[CLASSES], ("0", "1")),
    ],
)
def test_targets_of_any_form_train_alike_and_keep_their_names(targets, names):
    result = train(NETWORK, X, targets, SETTINGS)
    np.testing.assert_array_equal(result.parameters, parameters())
    assert result.class_names == names
    model = Model(NETWORK, result.loss, result.parameters, names, Preprocessing("none"), None, "x")
    np.testing.assert_array_equal(model.predict(FRAME), model.predict(X))


@pytest.mark.parametrize(
    "given", [X.tolist(), X.astype(bool), X.astype(np.int8), objects(X), FRAME]
)
def test_rows_of_any_form_train_alike(given):
    np.testing.assert_array_equal(parameters(given), parameters())


def test_names_of_classes_decide_the_order_of_text_targets():
    targets = np.array(["zebra", "ant"])[CLASSES]
    result = train(NETWORK, X, targets, SETTINGS, class_names=["zebra", "ant"])
    np.testing.assert_array_equal(result.parameters, parameters())
    assert result.class_names == ("zebra", "ant")


def test_all_ways_to_train_take_the_same_targets():
    text = np.array(["cat", "dog"])[CLASSES]
    results = train_many([NETWORK, NETWORK], X, text, [SETTINGS, SETTINGS])
    assert [one.class_names for one in results] == [("cat", "dog")] * 2
    np.testing.assert_array_equal(results[0].parameters, parameters())
    assert (
        lr_range_test(NETWORK, FRAME, text, SETTINGS).losses
        == lr_range_test(NETWORK, X, CLASSES, SETTINGS).losses
    )


def test_validation_targets_are_classes_of_the_training_targets():
    text = np.array(["cat", "dog"])[CLASSES]
    with pytest.warns(TrainingWarning, match="no validation row is of class 'cat'"):
        held = train(NETWORK, X, text, SETTINGS, validation=(X, np.full(ROWS, "dog"))).history
    assert held.epochs[-1].validation_accuracy is not None
    with pytest.raises(DataError, match="validation targets hold the class 'cow', but the classes"):
        train(NETWORK, X, text, SETTINGS, validation=(X, np.full(ROWS, "cow")))


def test_numbers_are_learnt_from_frames_too():
    settings = TrainingSettings(backend="vectorized", epochs=2, loss="mean_squared_error")
    wanted = train(NETWORK, X, X[:, 0], settings)
    got = train(NETWORK, FRAME, Frame(y=Column(objects(X[:, 0]), "Float64")), settings)
    np.testing.assert_array_equal(got.parameters, wanted.parameters)
    assert got.class_names == ()


@pytest.mark.parametrize("weight", [Column(objects(range(ROWS)), "Int64"), Frame(w=range(ROWS))])
def test_weights_come_as_series_and_frames(weight):
    got = parameters(sample_weight=weight)
    np.testing.assert_array_equal(got, parameters(sample_weight=np.arange(ROWS)))


@pytest.mark.parametrize(
    ("held_X", "held_targets", "message"),
    [
        (np.where(X > 0, np.nan, X), CLASSES, "validation X: .* NaN or inf, the first in row"),
        (X[:, :2], CLASSES, r"validation X has shape \(30, 2\)"),
        (X.astype(str), CLASSES, "validation X: expected numbers, got text"),
        (X[:0], CLASSES, "validation X has no rows"),
        (sparse.csr_matrix(X), CLASSES, "validation X: .* got a sparse .*; pass X.toarray"),
        (X, CLASSES[:9], r"validation targets have shape \(9,\)"),
        (X, CLASSES + 1, "validation targets run from 1 to 2"),
        (X, CLASSES * np.nan, "validation targets: .* NaN"),
        (X, CLASSES * 0.5, "validation targets hold float64 values; expected class names"),
        (X, None, "validation targets: expected an array, got None"),
    ],
)
def test_messages_about_validation_rows_say_so(held_X, held_targets, message):
    with pytest.raises(DataError, match=message):
        parameters(validation=(held_X, held_targets))


@pytest.mark.parametrize("validation", [(X, CLASSES, np.ones(ROWS)), [X], "ab", {1: 2}])
def test_validation_that_is_no_pair_is_refused(validation):
    with pytest.raises(ParameterError, match=r"validation: must be a pair .*, got \w+"):
        parameters(validation="a" if validation == "ab" else validation)


@pytest.mark.parametrize(
    ("given", "targets", "message"),
    [
        (sparse.csr_array(X), CLASSES, r"X: .* got a sparse csr_array; pass X.toarray\(\)"),
        (np.ma.masked_greater(X, 0), CLASSES, "X: got a masked array"),
        (X, np.ma.masked_greater(CLASSES, 0), "targets: got a masked array"),
        (X, objects([None, *CLASSES[1:]]), "targets: a missing value .* in row 0"),
        (X, np.where(CLASSES, "a", ""), "targets: a label is empty"),
        (X, np.resize(["a", "b", "c"], ROWS), r"targets hold 3 classes \(a, b, c\), but this net"),
        (X, np.full(ROWS, "a"), r"targets hold 1 class \(a\), .* or give class_names"),
        (X, CLASSES + 1, "count them from 0, or give their names as text"),
        (Frame(a=X[:, 0], b=["x"] * ROWS), CLASSES, "X: column 'b' .*: .* got text"),
    ],
)
def test_rows_and_targets_that_cannot_be_used_say_where(given, targets, message):
    with pytest.raises(DataError, match=message):
        parameters(given, targets)


@pytest.mark.parametrize("names", ["ab", ("a",), ("a", "a"), ("a", "b", "c"), (0, 1)])
def test_class_names_that_do_not_fit_are_refused(names):
    with pytest.raises(ParameterError, match="class_names: must be 2 different texts"):
        parameters(class_names=names)


def test_numbers_have_no_class_names():
    settings = TrainingSettings(loss="huber")
    with pytest.raises(ParameterError, match="huber has no classes; leave it out"):
        train(NETWORK, X, X[:, 0], settings, class_names=("a", "b"))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_classes_as_floats_of_any_width_are_taken_without_a_warning(dtype):
    with np.errstate(all="raise"):
        found = parameters(targets=CLASSES.astype(dtype))
    np.testing.assert_array_equal(found, parameters())
