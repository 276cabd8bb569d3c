"""Notes that a user should see are in the history of a run, and warnings in Python."""

import warnings

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

import samplewise
from samplewise.errors import SamplewiseWarning, TrainingWarning
from samplewise.network import (
    LOSSES,
    AvgPool2D,
    Conv2D,
    Dense,
    GlobalAvgPool,
    MaxPool2D,
    Network,
    loss_named,
    multilayer_perceptron,
)
from samplewise.training import notes
from samplewise.training.lr_range_test import lr_range_test
from samplewise.training.many import train_many
from samplewise.training.notes import notes_on_learning, notes_on_targets
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

LARGE = X * 100
NUMBERS = X[:, :1] * 500 + 3000
THREE, THIRDS = multilayer_perceptron(4, (), 3), np.arange(50) % 3


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", "epochs": 2, **changes})


@pytest.mark.parametrize(
    "call",
    [
        lambda: train(NETWORK, LARGE, LABELS, settings()),
        lambda: train_many([NETWORK, NETWORK], LARGE, LABELS, settings()),
        lambda: lr_range_test(NETWORK, LARGE, LABELS, settings()),
        lambda: samplewise.run(
            samplewise.Experiment.from_options(backend="vectorized", epochs=2, preprocess="none"),
            samplewise.Dataset("d", LARGE, LABELS),
        ),
    ],
)
def test_notes_are_warnings_at_the_line_that_called(call):
    with pytest.warns(SamplewiseWarning, match="scale or standardize them") as caught:
        call()
    assert [one.filename for one in caught if one.category is TrainingWarning] == [__file__] * len(
        caught
    )
    assert len({str(one.message) for one in caught}) == len(caught)


def test_a_run_without_notes_has_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert train(NETWORK, X, LABELS, settings()).history.notes == []


@pytest.mark.parametrize("loss", ["mean_squared_error", "mean_absolute_error", "huber"])
def test_numbers_far_from_the_size_of_outputs_are_noted(loss):
    note = notes_on_targets(NUMBERS, loss_named(loss))
    assert "targets have a mean of 29" in note[0]
    assert "subtract the mean and divide by the deviation, as --standardize-targets" in note[0]
    for fine in (X, X * 20, NUMBERS / 3000):
        assert notes_on_targets(fine, loss_named(loss)) == ()


@pytest.mark.parametrize("loss", ["poisson", "binary_cross_entropy", "multi_label_cross_entropy"])
def test_counts_and_classes_are_not(loss):
    assert notes_on_targets(np.abs(NUMBERS), loss_named(loss)) == ()


def test_a_network_that_did_not_learn_is_noted():
    # Without inputs, the only answer is the same for all.
    with pytest.warns(TrainingWarning, match="did not learn: its loss ended at 0.69"):
        train(NETWORK, X * 0, LABELS, settings(epochs=5, learning_rate=0.01, batch_size=50))


@pytest.mark.parametrize(
    ("targets", "given", "name"),
    [
        (LABELS * 0, {}, "0"),
        (LABELS * 0 + 1, {"class_names": ["salt", "pepper"]}, "pepper"),
        (LABELS == 2, {}, "False"),
        (np.eye(2)[LABELS * 0], {}, "0"),
        # Rows without weight, and those that are held out, are not trained on.
        (LABELS, {"sample_weight": LABELS * 1.0, "class_names": ["salt", "pepper"]}, "pepper"),
    ],
    ids=["indices", "names", "bool", "one-hot", "weights"],
)
def test_rows_of_a_single_class_are_noted(targets, given, name):
    with pytest.warns(TrainingWarning, match=f"rows are of class '{name}'.* rows of each class"):
        train(NETWORK, X, targets, settings(), **given)


def notes_of(labels, validation=None, **given):
    held = None if validation is None else (X[: len(validation)], validation)
    return train(THREE, X, labels, settings(), validation=held, **given).history.notes


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "class '2'"),
        ({"class_names": ["salt", "pepper", "dill"]}, "class 'dill'"),
        ({"sample_weight": THIRDS != 1}, "class '1'"),
        ({"labels": np.eye(3)[THIRDS % 2]}, "class '2'"),
        ({"labels": THIRDS // 2, "class_names": ["a", "b", "c"]}, "class 'c'"),
    ],
    ids=["indices", "names", "weights", "one-hot", "two"],
)
@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_a_class_without_rows_is_noted(given, named):
    labels = THIRDS if "sample_weight" in given else THIRDS % 2
    (note,) = notes_of(**{"labels": labels, **given})
    assert note.startswith(f"no row is of {named}, so the network learns never to give that ")


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_a_class_with_a_single_row_of_many_is_noted():
    labels = THIRDS % 2
    labels[7] = 2
    assert notes_of(labels) == [
        "one row of 50 is of class '2'; train on more rows of it, or leave it out"
    ]
    labels[:] = 0
    labels[7:9] = 1, 2
    (note,) = notes_of(labels, class_names=["a", "b", "c"])
    assert note.startswith("one row of 50 is of classes 'b', 'c'; ")
    few = X[:29], labels[:29]
    assert train(THREE, *few, settings()).history.notes == []


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_a_class_without_validation_rows_is_noted():
    (note,) = notes_of(THIRDS, THIRDS[:2])
    assert note == (
        "no validation row is of class '2', so validation figures say nothing of it; validate on "
        "rows of each class"
    )
    assert notes_of(THIRDS, THIRDS[:3]) == notes_of(THIRDS, THIRDS[:1]) == []
    # That it is missing among the rows trained on is said already.
    assert len(notes_of(THIRDS % 2, THIRDS[:2])) == 1
    held_out = train(
        THREE, X, np.minimum(THIRDS, 2 - (np.arange(50) > 5)), settings(validation_fraction=0.2)
    )
    assert [note.partition(",")[0] for note in held_out.history.notes] == [
        "no validation row is of class '2'"
    ]


def test_one_row_and_rows_of_other_targets_are_not():
    """Nor are probabilities, though one class is the most probable in each row."""
    likely = 0.6 + 0.3 * LABELS
    rows = np.stack([likely, 1 - likely], axis=1)
    train(NETWORK, X, rows, settings(), validation=(X[:5], rows[:5]))
    train(NETWORK, X, rows * 0 + 0.5, settings())
    train(THREE, X, THIRDS, settings(), validation=(X[:3], np.full((3, 3), 1 / 3)))
    train(NETWORK, X[:1], LABELS[:1], settings())
    train(NETWORK, X, LABELS * 0, settings(loss="multi_label_cross_entropy"))


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((8, 8, 1), Conv2D(2, 1)),
        ((28, 28, 3), MaxPool2D()),
        ((9, 16, 4), AvgPool2D()),
        ((16, 9, 3), GlobalAvgPool()),
    ],
)
def test_images_with_their_channels_last_are_noted(shape, first):
    height, width, channels = shape
    network = Network(shape, (first, Dense(1)))
    right = rf"input_shape=\({channels}, {height}, {width}\), .* X.transpose\(0, 3, 1, 2\)"
    wrong = f"{height} channels of {width} x {channels} pixels"
    with pytest.warns(TrainingWarning, match=f"{wrong}; .* write {right}"):
        train(network, np.zeros((2, *shape)), [0, 1], settings())


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 28, 28), (8, 8, 5), (22, 100, 1), (8, 7, 3)])
def test_other_shapes_are_not(shape):
    network = Network(shape, (Conv2D(2, 1), Dense(1)))
    assert train(network, np.zeros((2, *shape)), [0, 1], settings()).history.notes == []


@pytest.mark.parametrize("first", [Conv2D(2, (3, 1)), MaxPool2D((2, 1), 2)])
def test_nor_is_a_signal_of_as_many_channels_as_steps(first):
    network = Network((16, 16, 1), (first, Dense(1)))
    assert train(network, np.zeros((2, 16, 16, 1)), [0, 1], settings()).history.notes == []


def test_nor_is_a_network_to_which_all_orders_are_alike():
    network = Network((28, 28, 3), (Dense(1),))
    assert train(network, np.zeros((2, 28, 28, 3)), [0, 1], settings()).history.notes == []


def test_an_estimator_of_images_notes_channels_that_are_last():
    images = np.random.default_rng(0).random((20, 8, 8, 3))
    for made in (
        samplewise.CNNClassifier((8, 8, 3), (2,)),
        samplewise.NeuralNetClassifier(Network((8, 8, 3), (Conv2D(2, 1), Dense(1)))),
    ):
        made.set_params(max_iter=9, tol=9.0, n_iter_no_change=1)
        with pytest.warns(TrainingWarning, match=r"8 channels of 8 x 3 .*=\(3, 8, 8\)"):
            made.fit(images, [0, 1] * 10)


def test_an_estimator_takes_a_single_class_as_scikit_learn_does():
    fitted = samplewise.MLPClassifier(3, max_iter=2, tol=0.0, n_iter_no_change=9)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert set(fitted.fit(X, LABELS * 0).predict(X)) == {0}
    assert not [one for one in caught if issubclass(one.category, SamplewiseWarning)]


def test_a_part_of_an_epoch_is_too_little_to_judge_learning_by():
    few = notes.FEWEST_EPOCHS - 1
    cut = settings(epochs=9, learning_rate=1e-9, batch_size=10, max_steps=5 * few + 1)
    history = train(NETWORK, X * 0, LABELS, cut).history
    assert len(history.epochs) == few + 1
    assert history.notes == []


@pytest.mark.parametrize("loss", [*LOSSES])
def test_learning_shows_in_the_loss_that_one_answer_for_all_rows_has(loss):
    made = loss_named(loss)
    rng = np.random.default_rng(0)
    Y = (rng.random((40, 1)) < 0.3) * 1.0 if "class" not in loss else np.eye(3)[np.arange(40) % 3]
    Y = np.eye(3)[np.arange(40) % 3] if loss == "categorical_cross_entropy" else Y
    answers = (Y.mean(axis=0), np.median(Y, axis=0))
    least = min(made.mean(np.broadcast_to(made.logits_of(one), Y.shape), Y) for one in answers)
    share = 0.02 * abs(least)
    assert notes_on_learning([least + share] * 6, made, Y, None, 0.01)
    learnt, falls = (
        [least + share, *[least - share] * 5],
        [least + (9 - k) * share for k in range(6)],
    )
    for fine in (learnt, falls, [least - share] * 6, [least + share] * 4):
        assert notes_on_learning(fine, made, Y, None, 0.01) == ()
    # No answer can be wrong where all targets are one.
    assert notes_on_learning([least + share] * 6, made, Y[:1].repeat(40, axis=0), None, 0.01) == ()


def test_a_high_rate_is_named_even_while_the_loss_falls():
    Y, loss = np.eye(2)[[0, 1, 1, 1]][:, 1:], loss_named("binary_cross_entropy")
    falls = [300.0, 290, 280, 270, 260]
    assert "try a learning_rate below 100, " in notes_on_learning(falls, loss, Y, None, 100.0)[0]
    assert notes_on_learning(falls, loss, Y, None, 1.0) == ()
    assert notes_on_learning([0.9, 0.8, 0.7, 0.65, 0.6], loss, Y, None, 100.0) == ()


def test_weights_count_in_the_loss_of_one_answer():
    Y, loss = np.eye(2)[[0, 1, 1, 1]][:, 1:], loss_named("binary_cross_entropy")
    balanced = np.array([3.0, 1, 1, 1])
    assert notes_on_learning([0.6] * 5, loss, Y, None, 0.01)
    assert notes_on_learning([0.6] * 5, loss, Y, balanced, 0.01) == ()
    assert notes_on_learning([0.7] * 5, loss, Y, balanced, 0.01)


def test_the_loss_of_the_users_own_says_nothing():
    samplewise.register_loss(
        "notes_only",
        lambda Z, Y: ((Z - Y) ** 2).sum(axis=1),
        lambda Z, Y: 2 * (Z - Y),
        link=np.exp,
        replace=True,
    )
    made = loss_named("notes_only")
    del LOSSES["notes_only"]
    assert made.logits_of(NUMBERS) is None
    assert notes_on_targets(NUMBERS, made) == ()
    assert notes_on_learning([1e9] * 5, made, NUMBERS, None, 0.01) == ()


def test_networks_are_noted_one_by_one():
    networks = [NETWORK, multilayer_perceptron(4, (), 1)]
    rates = [settings(epochs=6, learning_rate=rate, batch_size=50) for rate in (1e-9, 1.0)]
    with pytest.warns(TrainingWarning, match="did not learn"):
        results = train_many(networks, X, LABELS, rates)
    assert [len(one.history.notes) for one in results] == [1, 0]


def test_the_loss_of_one_answer_counts_a_row_of_weight_four_four_times():
    loss = loss_named("mean_squared_error")
    few, many = np.array([[0.0], [0.0], [1.0]]), np.repeat([[0.0], [1.0]], [2, 4], axis=0)
    weighted = notes._loss_of_one_answer(loss, few, np.array([1.0, 1.0, 4.0]))
    assert weighted == pytest.approx(notes._loss_of_one_answer(loss, many, None))


def sorted_problem(rows=30):
    """Rows of two classes, one after the other."""
    labels = np.repeat([0, 1], rows // 2)
    return labels[:, np.newaxis] + np.linspace(0, 0.1, rows)[:, np.newaxis], labels


@pytest.mark.parametrize("batch_size", [1, 4])
def test_rows_that_come_class_by_class_are_noted(batch_size):
    rows, labels = sorted_problem()
    network, settings = Network((1,), (Dense(1),)), TrainingSettings(batch_size=batch_size)
    with pytest.warns(TrainingWarning, match="class by class, with 1 change of class in 30 rows"):
        found = train(network, rows, labels, settings)
    assert len(found.history.notes) == 1


@pytest.mark.parametrize(
    "settings",
    [{"shuffle": True}, {"batch_size": 30}, {"batch_size": 30, "shuffle": True}],
)
def test_they_are_not_where_the_order_changes_or_does_not_matter(settings):
    rows, labels = sorted_problem()
    train(Network((1,), (Dense(1),)), rows, labels, TrainingSettings(**settings))


def test_nor_are_rows_in_random_order_or_too_few_to_tell():
    network = Network((1,), (Dense(1),))
    for seed in range(20):
        labels = np.random.default_rng(seed).permutation(np.repeat([0, 1], 15))
        train(network, labels[:, np.newaxis], labels, TrainingSettings(epochs=1))
    train(network, *sorted_problem(rows=18), TrainingSettings(epochs=1))


def sine(rows=40):
    x = np.linspace(-1, 1, rows)[:, np.newaxis]
    return x, np.sin(3 * x)


def of_numbers(**settings):
    return TrainingSettings(loss="mean_squared_error", **settings)


def test_numbers_that_change_little_from_row_to_row_are_noted():
    network = Network((1,), (Dense(8, "tanh"), Dense(1)))
    with pytest.warns(TrainingWarning, match="targets change little from row to row .* shuffle=Tr"):
        found = train(network, *sine(), of_numbers(epochs=5))
    x, y = sine()
    # What the note is about: the network is far worse than its training loss.
    assert np.square(found.predict(x) - y[:, 0]).mean() > 8 * found.history.losses[-1]


@pytest.mark.parametrize(
    "settings", [{"shuffle": True}, {"batch_size": 40}, {"epochs": 1}], ids=str
)
def test_nor_are_numbers_whose_order_changes_or_does_not_matter_or_that_are_a_stream(settings):
    train(Network((1,), (Dense(1),)), *sine(), of_numbers(**settings))


def test_nor_are_numbers_in_random_order_or_all_the_same_or_few():
    network, (x, y) = Network((1,), (Dense(1),)), sine()
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(x))
        train(network, x[order], y[order], of_numbers(epochs=2))
    train(network, x, np.ones(len(x)), of_numbers(epochs=2))
    train(network, *sine(rows=20), of_numbers(epochs=2))


def test_estimators_shuffle_or_take_all_rows_at_once():
    x, y = sine()
    for solver in ("adam", "sgd", "lbfgs"):
        samplewise.MLPRegressor(hidden_layer_sizes=3, solver=solver, max_iter=500, tol=1e-2).fit(
            x, y[:, 0]
        )
        samplewise.MLPClassifier(3, solver=solver, max_iter=500, tol=1e-2).fit(x, x[:, 0] > 0)
