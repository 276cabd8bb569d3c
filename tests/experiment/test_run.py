"""From an experiment to a tested model."""

import dataclasses
import math

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError, SamplewiseWarning
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.explanation import explain
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import decided, run, run_many
from samplewise.training.train import train


def blobs(classes=2, rows=90, features=3):
    """Well separated clouds of points, a class each."""
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    centres = 8 * np.eye(classes, features)
    X = centres[labels] + rng.standard_normal((rows, features))
    names = tuple(f"class {k}" for k in range(classes))
    return Dataset("blobs", X, labels.astype(np.int64), names, "made by the test")


def experiment(**changes):
    return Experiment.from_options(
        **{"backend": "vectorized", "batch_size": 4, "epochs": 20, **changes}
    )


def test_two_classes_are_learned_with_binary_cross_entropy():
    chosen = experiment()
    result = run(chosen, prepare(chosen, blobs()))
    assert result.test_accuracy == 1.0
    assert result.model.loss.name == "binary_cross_entropy"
    assert result.model.network.outputs == 1
    assert result.confusion.sum() == len(result.data.test) == 18


def test_a_dataset_is_cut_and_preprocessed_as_the_experiment_says():
    chosen = experiment(epochs=2, split=0.5, init="glorot_uniform")
    given, prepared = run(chosen, blobs()), run(chosen, prepare(chosen, blobs()))
    np.testing.assert_array_equal(given.model.parameters, prepared.model.parameters)
    together = run_many([chosen], blobs())
    np.testing.assert_array_equal(together[0].model.parameters, given.model.parameters)
    assert explain(chosen, blobs(), measure=False).rows == 45


def test_classes_of_a_dataset_are_chosen_and_weighted_by_name():
    chosen = experiment(epochs=1, init="glorot_uniform", classes=("class 2", "class 1"))
    weighted = chosen.with_options(class_weight={"class 2": 5})
    data = prepare(weighted, blobs(3))
    result = run(weighted, data)
    assert result.model.class_names == ("class 2", "class 1")
    assert result.history.settings["class_weight"] == "class 2:5.0"
    network, effective = decided(chosen, data)
    own = np.where(data.training.labels == 0, 5.0, 1.0)
    wanted = train(
        network, data.inputs, data.training.labels, effective.training, sample_weight=own
    )
    np.testing.assert_array_equal(result.model.parameters, wanted.parameters)
    assert explain(weighted, data, measure=False).rows == 48
    with pytest.raises(ParameterError, match="names the class 'class 0', but the classes are"):
        run(chosen.with_options(class_weight="class 0:2"), data)


def test_three_classes_are_learned_with_categorical_cross_entropy():
    chosen = experiment(hidden=(8, 6), activation="tanh", init="glorot_uniform")
    result = run(chosen, prepare(chosen, blobs(3)))
    assert result.test_accuracy >= 0.9
    assert str(result.model.network) == "3-8-6-3"
    assert result.model.probabilities(result.data.test.X).sum(axis=1) == pytest.approx(1)


def test_a_linear_network_has_no_hidden_layer():
    chosen = experiment(hidden=())
    assert str(run(chosen, prepare(chosen, blobs())).model.network) == "3-1"


def test_choices_left_to_auto_are_made_in_the_effective_experiment():
    chosen = experiment(backend=None)
    effective = run(chosen, prepare(chosen, blobs())).experiment
    assert effective.training.loss.name == "binary_cross_entropy"
    assert effective.data.preprocess == "standardize"
    assert effective.training.backend == "numba_cpu"


def test_a_model_predicts_by_the_backend_that_trained_it(monkeypatch):
    """Not by what another environment names, or what is the fastest elsewhere."""
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "vectorized")
    chosen = experiment(backend=None, epochs=1)
    result = run(chosen, prepare(chosen, blobs()))
    monkeypatch.delenv("SAMPLEWISE_BACKEND")
    assert result.history.backend_reason == "named by SAMPLEWISE_BACKEND"
    assert result.history.backend == result.experiment.training.backend == "vectorized"
    assert result.model.backend == "vectorized"


def test_the_effective_experiment_gives_the_same_bits():
    chosen = experiment(seed=4, shuffle=True)
    first = run(chosen, prepare(chosen, blobs()))
    again = run(first.experiment, prepare(first.experiment, blobs()))
    np.testing.assert_array_equal(first.model.parameters, again.model.parameters)


def test_the_seed_decides_the_split_and_the_weights():
    def trained(seed):
        chosen = experiment(seed=seed)
        return run(chosen, prepare(chosen, blobs()))

    assert trained(0).data.test.X.tolist() != trained(1).data.test.X.tolist()


def test_nothing_of_the_test_rows_is_learned():
    chosen = experiment()
    data = blobs()
    _, test = (prepare(chosen, data).training, prepare(chosen, data).test)
    shifted_X = data.X.copy()
    is_test = (data.X[:, None] == test.X[None]).all(axis=2).any(axis=1)
    shifted_X[is_test] += 1000
    shifted = dataclasses.replace(data, X=shifted_X)
    original, changed = (run(chosen, prepare(chosen, d)).model for d in (data, shifted))
    np.testing.assert_array_equal(original.parameters, changed.parameters)


def test_predictions_take_raw_rows():
    chosen = experiment()
    result = run(chosen, prepare(chosen, blobs()))
    model, test = result.model, result.data.test
    one = np.concatenate([model.logits(test.X[i : i + 1]) for i in range(len(test))])
    np.testing.assert_allclose(one, model.logits(test.X), rtol=1e-12)
    assert (model.predict(test.X) == test.labels).all()


def test_binary_loss_with_three_classes_is_refused():
    chosen = experiment(loss="binary_cross_entropy")
    with pytest.raises(ParameterError, match="there are 3; use categorical_cross_entropy"):
        run(chosen, prepare(chosen, blobs(3)))


def test_categorical_loss_with_two_classes_gets_two_logits():
    chosen = experiment(loss="categorical_cross_entropy")
    result = run(chosen, prepare(chosen, blobs()))
    assert result.model.network.outputs == 2
    assert result.test_accuracy == 1.0


@pytest.mark.parametrize(
    ("split", "why"), [(0.01, "there is one"), (0.5, "their targets do not differ")]
)
def test_r_squared_that_is_undefined_is_noted(monkeypatch, split, why):
    monkeypatch.setattr("samplewise.experiment.scores.r_squared", lambda *given: math.nan)
    chosen = experiment(loss="mean_squared_error", epochs=1, split=split, init="glorot_uniform")
    data = Dataset("numbers", blobs().X, None, values=blobs().X[:, 0] / 10)
    with pytest.warns(SamplewiseWarning, match=why):
        result = run(chosen, data)
    assert result.history.notes == [f"R² of the test rows is undefined: {why}"]


def test_a_split_seed_gives_runs_of_other_seeds_the_same_test_rows():
    def held_out(**words):
        data = prepare(Experiment.from_options(data="iris", **words))
        return data.training.X.tobytes(), data.test.X.tobytes()

    assert held_out(seed=1, split_seed=4) == held_out(seed=2, split_seed=4) == held_out(seed=4)
    assert held_out(seed=1) != held_out(seed=2)


def test_a_result_is_shown_without_its_arrays():
    chosen = experiment(epochs=1)
    result = run(chosen, prepare(chosen, blobs(rows=2_000)))
    assert "array(" not in repr(result.data.test) + repr(result.trained)
    assert repr(result.data.test).startswith("Dataset('blobs', X of shape (400, 3), classes ")
    shown = repr(result)
    assert shown.startswith(f"ExperimentResult(3-10-1 on blobs, test_loss={result.test_loss:.4g}, ")
    assert f"test_accuracy={result.test_accuracy:.4g}, history=History(1 epoch, losses[0]=" in shown
    assert repr(result.trained).startswith("TrainingResult(3-10-1, binary_cross_entropy, history=")
    assert len(shown) < 250
    assert "array(" not in repr(result.model)


@pytest.mark.parametrize(
    ("loss", "value", "message"),
    [
        ("poisson", -1.0, "targets: poisson takes targets of at least 0, but they run from -1 to"),
        ("mean_squared_error", 1e200, r"mean_squared_error: the mean over 6 .* up to 1e\+200"),
    ],
)
def test_numbers_to_test_on_are_looked_at_before_the_training(loss, value, message):
    rng = np.random.default_rng(0)
    rows = Dataset("n", rng.standard_normal((30, 3)), None, values=rng.random(30))
    chosen = experiment(loss=loss, epochs=1, learning_rate=1e-3)
    data, epochs = prepare(chosen, rows), []
    assert run(chosen, data).test_loss < 10
    odd = data.test.values.copy()
    odd[0] = value
    data = dataclasses.replace(data, test=dataclasses.replace(data.test, values=odd))
    with pytest.raises(DataError, match=f"^test rows: {message}"):
        run(chosen, data, callbacks=epochs.append)
    if loss == "poisson":
        # Where those to train on are no better, the error is about them.
        odd = dataclasses.replace(data.training, values=data.training.values - 2)
        with pytest.raises(DataError, match="^targets: poisson takes"):
            run(chosen, dataclasses.replace(data, training=odd), callbacks=epochs.append)
    assert epochs == []


@pytest.mark.parametrize("constant", [0.0, 1e29])
def test_images_standardized_by_themselves_are_prepared_once_to_be_tested(monkeypatch, constant):
    prepared, apply = [], Preprocessing.apply_in_place

    def counted(step, values):
        prepared.append(len(values))
        apply(step, values)

    monkeypatch.setattr(Preprocessing, "apply_in_place", counted)
    images = dataclasses.replace(blobs(features=4), image_shape=(2, 2), full_scale=1.0)
    images.X[::3] = constant
    for dtype in ("float64", "float32"):
        chosen = experiment(preprocess="standardize", dtype=dtype)
        data = prepare(chosen, images)
        run(chosen, data)
        assert prepared == [len(data.training), len(data.test)]
        prepared.clear()


@pytest.mark.parametrize(
    ("preprocess", "dtype", "value", "shown"),
    [
        ("none", "float32", 1e39, r"float32 once preprocessed \(none\), got 1e\+39 in column 1"),
        ("standardize", "float64", -1e308, r"float64 once .*, got -1e\+308 in column 1"),
    ],
)
def test_rows_to_test_on_that_overflow_are_refused_before_the_training(
    preprocess, dtype, value, shown
):
    """The error came once the training had ended."""
    rng = np.random.default_rng(0)
    rows = Dataset("n", rng.standard_normal((30, 3)) / 1e3, rng.integers(2, size=30), ("a", "b"))
    chosen = experiment(epochs=1, preprocess=preprocess, dtype=dtype)
    data, epochs = prepare(chosen, rows), []
    odd = data.test.X.copy()
    odd[2, 1] = value
    odd = dataclasses.replace(data, test=dataclasses.replace(data.test, X=odd))
    for act in (run, lambda *given, **_: run_many([given[0]] * 2, given[1])):
        with pytest.raises(
            DataError, match=f"^test rows: the values of n must stay within {shown}"
        ):
            act(chosen, odd, callbacks=epochs.append)
    assert epochs == []
    # Images standardized by themselves may overflow on the way.
    images = dataclasses.replace(rows, X=rows.X[:, [0, 0, 1, 1]], image_shape=(2, 2))
    images = dataclasses.replace(images, full_scale=1.0)
    if preprocess == "standardize":
        data = prepare(chosen, images)
        assert run(chosen, data).test_loss < 10
        odd = dataclasses.replace(
            data.test, X=np.full_like(data.test.X, [1.7e308, 1.7e308, 1.7e308, -1])
        )
        with pytest.raises(DataError, match="test rows: .* got .*e.308 in column"):
            run(chosen, dataclasses.replace(data, test=odd))
