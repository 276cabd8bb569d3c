"""The option standardize_targets: training in standard deviations, answers in the data's units."""

import dataclasses
import threading

import numpy as np
import pytest

import samplewise
from samplewise import Experiment, run
from samplewise.data.dataset import Dataset
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError, SnapshotError
from samplewise.experiment.explanation import explain
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run_many
from samplewise.experiment.run_folder import write_pictures
from samplewise.experiment.scores import scores
from samplewise.network import LOSSES

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
NUMBERS = np.stack([X @ [1.0, -2, 0.5] * 40 + 900, X[:, 0] ** 2 / 1000], axis=1)


def dataset(values=NUMBERS):
    return Dataset("numbers", X, None, values=values)


def experiment(**options):
    fast = {"loss": "mean_squared_error", "backend": "reference", "learning_rate": 0.02}
    return Experiment.from_options(**{**fast, "standardize_targets": True, **options})


def test_mean_and_deviation_are_those_of_the_training_rows_of_each_output():
    found = prepare(experiment(), dataset())
    step = found.target_preprocessing
    np.testing.assert_allclose(step.mean, found.training.values.mean(axis=0))
    np.testing.assert_allclose(step.deviation, found.training.values.std(axis=0))
    np.testing.assert_allclose(found.targets.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.targets.std(axis=0), 1)
    np.testing.assert_allclose(step.restore(found.targets), found.training.values)
    plain = prepare(experiment(standardize_targets=False), dataset())
    assert plain.targets is plain.training.targets


@pytest.mark.parametrize("loss", ["mean_squared_error", "mean_absolute_error", "huber"])
def test_losses_are_standardized_and_scores_are_not(loss):
    found = run(experiment(loss=loss, epochs=30), dataset())
    assert found.experiment.data.standardize_targets
    assert found.history.losses[0] < 10
    assert found.history.notes == []
    test = found.data.test
    predictions = found.model.predict(test.X)
    if loss != "huber":
        assert found.test_loss == pytest.approx(found.model.loss.mean(predictions, test.values))
    assert found.test_r2 > 0.5
    assert abs(predictions[:, 0] - test.values[:, 0]).mean() < 30


@pytest.mark.parametrize("loss", ["mean_squared_error", "huber"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_test_loss_is_that_of_standardized_targets_in_the_units_of_the_data(loss, outputs):
    """The threshold of huber was in standard deviations in training, and in units in the test."""
    chosen = {"loss": loss, "epochs": 3} | ({"delta": 0.1} if loss == "huber" else {})
    data = prepare(experiment(**chosen), dataset(NUMBERS[:, :outputs]))
    data = dataclasses.replace(data, validation=data.test)
    found = run(experiment(**chosen), data)
    variance = data.target_preprocessing.deviation**2
    targets = data.validation_pair[1]
    predicted = found.model.predict(data.test.X).reshape(targets.shape)
    logits = data.target_preprocessing.apply(predicted)
    entries = found.model.loss.entries(logits, targets)
    assert found.history.validation_losses[-1] == pytest.approx(entries.mean())
    assert found.test_loss == pytest.approx((entries.mean(axis=0) * variance).mean())
    network = found.model.network
    # Without the step, the weights and the loss of one output have the data's units.
    moved = samplewise.transfer(found.model, network, layers=len(network.layers))
    again = scores(moved, data.test.X, data.test.targets).loss
    assert (again == pytest.approx(found.test_loss)) == (outputs == 1 or loss != "huber")
    # One with several outputs keeps the loss, as it has one threshold for all.
    assert (moved.loss == found.model.loss) == (outputs == 2 or loss != "huber")


def test_a_threshold_stays_within_float64():
    loss = samplewise.Huber(delta=2.0)
    assert loss.scaled(3.0) == samplewise.Huber(delta=6.0)
    assert 0 < samplewise.Huber(delta=1e-300).scaled(1e-300).delta < 1e-300
    assert samplewise.Huber(delta=1e300).scaled(1e300).delta > 1e308


def test_it_is_the_training_on_targets_that_the_user_standardized():
    found = run(experiment(), dataset())
    of_training = found.data.training.values
    by_hand = (of_training - of_training.mean(axis=0)) / of_training.std(axis=0)
    wanted = samplewise.train(found.model.network, found.data.X, by_hand, found.experiment.training)
    np.testing.assert_allclose(found.model.parameters, wanted.parameters, rtol=1e-9)


def test_targets_that_do_not_differ_are_predicted_as_they_are():
    constant = np.column_stack([np.full(len(X), 777.1), NUMBERS[:, 0]])
    found = run(experiment(epochs=30), dataset(constant))
    np.testing.assert_array_equal(found.model.target_preprocessing.deviation[0], 1)
    np.testing.assert_allclose(found.model.predict(X)[:, 0], 777.1, atol=1)


def test_targets_too_large_are_named():
    with pytest.raises(DataError, match=r"numbers: output 1 \(counted from 0\) .* too large"):
        prepare(experiment(), dataset(np.column_stack([NUMBERS[:, 0], NUMBERS[:, 0] * 1e305])))


@pytest.mark.parametrize(
    "loss", ["auto", "binary_cross_entropy", "poisson", "multi_label_cross_entropy"]
)
def test_other_losses_are_refused(loss):
    name = "binary_cross_entropy" if loss == "auto" else loss
    wanted = f"^standardize_targets: needs a loss of numbers .* got {name}; choose such a loss"
    with pytest.raises(ParameterError, match=wanted):
        experiment(loss=loss)
    data = prepare(experiment(), dataset())
    with pytest.raises(ParameterError, match="^standardize_targets: needs|learns classes"):
        run(Experiment.from_options(loss=loss), data)


def test_another_value_than_true_or_false_is_refused():
    with pytest.raises(ParameterError, match="standardize_targets: must be true or false, got 2"):
        samplewise.DataSettings(standardize_targets=2)


def test_registered_losses_without_a_link_take_it():
    def value(z, y):
        return ((z - y) ** 4).mean(axis=1)

    def gradient(z, y):
        return 4 * (z - y) ** 3 / z.shape[1]

    samplewise.register_loss("fourth", value, gradient)
    samplewise.register_loss("linked", value, gradient, link=np.exp)
    try:
        found = run(experiment(loss="fourth", learning_rate=0.001), dataset())
        assert abs(found.model.predict(X)[:, 0].mean() - 900) < 100
        with pytest.raises(ParameterError, match="standardize_targets: .* got linked"):
            experiment(loss="linked")
    finally:
        for name in ("fourth", "linked"):
            del LOSSES[name]


def test_a_run_that_goes_on_has_the_same_bits():
    whole, stop = run(experiment(epochs=6), dataset()), threading.Event()

    def pause(record):
        if record.epoch == 3:
            stop.set()

    half = run(experiment(epochs=6), dataset(), callbacks=pause, stop=stop)
    assert len(half.history.epochs) < 6
    again = run(experiment(epochs=6), dataset(), initial=half.trained.snapshot)
    np.testing.assert_array_equal(again.model.parameters, whole.model.parameters)
    np.testing.assert_array_equal(again.model.predict(X), whole.model.predict(X))
    plain = experiment(epochs=6, standardize_targets=False)
    with pytest.raises(SnapshotError, match="rows|targets"):
        run(plain, dataset(), initial=half.trained.snapshot)


def test_networks_at_once_are_those_by_themselves():
    each = [experiment(seed=seed, split_seed=0) for seed in (1, 2)]
    for one, many in zip(each, run_many(each, dataset()), strict=True):
        alone = run(one, dataset())
        np.testing.assert_array_equal(many.model.predict(X), alone.model.predict(X))
        assert many.test_loss == alone.test_loss


def test_the_picture_of_the_losses_says_which_they_are(tmp_path, monkeypatch):
    titles = []

    def drawn(curves, title, **_):
        titles.append(title)
        return b""

    monkeypatch.setattr("samplewise.plots.figures.loss_curves", drawn)
    for on in (True, False):
        write_pictures(run(experiment(standardize_targets=on), dataset(NUMBERS / 100)), tmp_path)
    assert [", targets standardized: " in title for title in titles] == [True, False]


def test_an_explanation_trains_on_them():
    found = explain(experiment(), dataset())
    assert found.experiment.data.standardize_targets
    assert found.measured is not None


def test_rows_of_a_validation_file_are_measured_in_the_units_of_the_training_rows(tmp_path):
    table = np.column_stack([X, NUMBERS[:, 0]])
    for name, rows in (("train", table[:45]), ("valid", table[45:])):
        np.savetxt(tmp_path / f"{name}.csv", rows, delimiter=",", header="a,b,c,label", comments="")
    files = {"data": f"{tmp_path}/train.csv", "validation_data": f"{tmp_path}/valid.csv"}
    found = run(experiment(**files, epochs=30))
    model, validation = found.model, found.data.validation
    deviation = found.data.target_preprocessing.deviation
    error = (model.predict(validation.X) - validation.values[:, 0]) / deviation
    assert found.history.validation_losses[-1] == pytest.approx((error**2).mean())
    assert found.history.validation_losses[-1] < 0.5


@pytest.mark.filterwarnings("ignore:targets have a mean")
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("many", [False, True])
def test_a_model_to_begin_with_predicts_in_the_units_of_its_data(own, many):
    """Its weights are those of other targets: of the data, or of another standardization."""
    others = dataset(NUMBERS * [2.0, 0.5] + 300)
    given = run(experiment(standardize_targets=own, learning_rate=1e-9, epochs=1), others).model
    still = experiment(learning_rate=1e-300, epochs=1)
    if many:
        found = run_many([still, still], dataset(), initial=[given, None])[0].model
    else:
        found = run(still, dataset(), initial=given).model
    # Only the targets differ: the same rows train, and have the same preprocessing.
    np.testing.assert_allclose(found.predict(X), given.predict(X), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:targets have a mean")
@pytest.mark.parametrize("own", [False, True])
def test_a_model_to_begin_with_predicts_alike_where_targets_are_taken_as_they_are(own):
    given = run(experiment(standardize_targets=own, learning_rate=1e-9, epochs=1), dataset()).model
    still = experiment(standardize_targets=False, learning_rate=1e-300, epochs=1)
    found = run(still, dataset(), initial=given).model
    assert found.target_preprocessing.name == "none"
    np.testing.assert_allclose(found.predict(X), given.predict(X), rtol=1e-9)


def test_classes_are_not_standardized():
    classes = Dataset("c", X, np.arange(len(X)) % 2, ("a", "b"))
    assert prepare(experiment(), classes).target_preprocessing.name == "none"
    with pytest.raises(ParameterError, match="'mean_squared_error' learns numbers, but classes"):
        run(experiment(), classes)


def test_a_model_keeps_its_bits_where_the_targets_are_standardized_alike():
    given = run(experiment(), dataset())
    again = run(experiment(learning_rate=1e-300, epochs=1), given.data, initial=given.model)
    np.testing.assert_array_equal(again.model.parameters, given.model.parameters)


def test_a_model_of_other_outputs_is_refused_by_name():
    given = run(experiment(), dataset(NUMBERS[:, :1])).model
    with pytest.raises(ParameterError, match="initial: its network must be"):
        run(experiment(), dataset(), initial=given)


@pytest.mark.parametrize(("factor", "shift"), [(1e60, 0), (1e-60, 0), (1, 1e12)])
def test_targets_that_float32_does_not_tell_apart_are_refused(factor, shift):
    """Their standardized values train; no prediction could be right in the data's units."""
    moved = dataset(NUMBERS * factor + shift)
    assert run(experiment(epochs=1), moved).test_loss >= 0
    with pytest.raises(DataError, match="standardize_targets: float32 must tell .* in output 0"):
        run(experiment(dtype="float32"), moved)


@pytest.mark.parametrize(("deviation", "refused"), [(2.0, True), (2.5, False)])
def test_a_deviation_must_be_more_than_the_distance_of_numbers(deviation, refused):
    """Numbers of float32 from 2^24 on have a distance of 2."""
    data = prepare(experiment(), dataset(2.0**24 + deviation * (-1.0) ** np.arange(len(X))))
    step = Preprocessing("standardize", mean=[2.0**24], deviation=[deviation])
    data = dataclasses.replace(data, target_preprocessing=step)
    if refused:
        with pytest.raises(DataError, match="float32 must tell the targets"):
            data.check_dtype("float32")
    else:
        data.check_dtype("float32")


@pytest.mark.filterwarnings("ignore:R² of the test rows is undefined")
def test_large_targets_that_do_not_differ_are_learnt_in_float32():
    constant = dataset(np.full((len(X), 1), 1e12))
    assert run(experiment(dtype="float32", epochs=1), constant).model.predict(X[:2]).min() > 9e11
