"""Models to start from, metrics of the user's own, and weights that callbacks ask for."""

import json
import threading

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X
from sklearn.metrics import r2_score, roc_auc_score

from samplewise.errors import CombinationError, ParameterError
from samplewise.model.model import Model
from samplewise.model.model_file import load_model, save_model
from samplewise.network import multilayer_perceptron
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

RNG = np.random.default_rng(2)
OTHERS = RNG.standard_normal((30, 4))
OTHER_LABELS = (OTHERS[:, 0] + OTHERS[:, 1] + RNG.standard_normal(30) > 0).astype(int)
HELD = OTHERS, OTHER_LABELS
VALUES = X @ RNG.standard_normal((4, 2))


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", "epochs": 2, **changes})


def auc(targets, predictions):
    return roc_auc_score(targets, predictions[:, 1])


# Without state, an optimizer that begins anew goes on as the old one would.
@pytest.mark.parametrize(("optimizer", "same"), [("sgd", True), ("adam", False)])
def test_a_model_is_started_from_with_a_fresh_optimizer(optimizer, same):
    first = train(NETWORK, X, LABELS, settings(optimizer=optimizer))
    second = train(NETWORK, X, LABELS, settings(optimizer=optimizer, seed=9), initial=first.model())
    at_once = train(NETWORK, X, LABELS, settings(optimizer=optimizer, epochs=4))
    assert (second.parameters == at_once.parameters).all() == same
    assert [record.epoch for record in second.history.epochs] == [1, 2]
    assert first.parameters is not second.parameters


def test_a_model_serves_in_another_dtype_and_stays_as_it_is():
    model = train(NETWORK, X, LABELS, settings()).model()
    before = model.parameters.copy()
    narrow = train(NETWORK, X, LABELS, settings(dtype="float32"), initial=model)
    assert narrow.parameters.dtype == np.float32
    np.testing.assert_array_equal(model.parameters, before)


def test_each_of_many_networks_starts_from_a_model_of_its_own():
    chosen = settings(backend="numba_cpu")
    models = [train(NETWORK, X, LABELS, settings(seed=seed)).model() for seed in (1, 2)]
    results = train_many([NETWORK] * 3, X, LABELS, chosen, initial=[*models, None])
    for result, initial in zip(results, [*models, None], strict=True):
        alone = train(NETWORK, X, LABELS, chosen, initial=initial)
        np.testing.assert_allclose(result.parameters, alone.parameters, rtol=1e-12)


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        (3, "initial: must be a samplewise.Model, Snapshot or TrainingState, got 3"),
        (np.zeros(19), "initial: must be a samplewise.Model, Snapshot or TrainingState"),
    ],
)
def test_what_is_not_a_model_is_not_started_from(initial, message):
    with pytest.raises(ParameterError, match=message):
        train(NETWORK, X, LABELS, settings(), initial=initial)


def test_a_model_of_another_network_or_of_weights_that_are_not_finite_is_refused():
    model = train(NETWORK, X, LABELS, settings()).model()
    with pytest.raises(ParameterError, match=r"initial: its network must be 4-5-1 .* got 4-3-1"):
        train(multilayer_perceptron(4, (5,), 1), X, LABELS, settings(), initial=model)
    model.parameters[0] = np.inf
    with pytest.raises(ParameterError, match="must be 64 finite numbers .*, got 64, 63 of them"):
        train(NETWORK, X, LABELS, settings(), initial=model)


def test_a_result_predicts_and_gives_a_model_that_files_keep(tmp_path):
    names = np.array(["no", "yes"])[LABELS]
    result = train(NETWORK, X, names, settings(epochs=5, exact_accuracy=True))
    model = result.model()
    assert model.class_names == ("no", "yes")
    np.testing.assert_array_equal(result.predict(X), model.predict(X))
    accuracy = np.mean(result.predict(X) == LABELS)
    assert accuracy == result.history.epochs[-1].accuracy
    save_model(result.model(class_names=["a", "b"]), tmp_path / "model.safetensors")
    read = load_model(tmp_path / "model.safetensors")
    assert read.class_names == ("a", "b")
    np.testing.assert_array_equal(read.parameters, model.parameters)
    assert (read.predict(OTHERS) == model.predict(OTHERS)).all()
    with pytest.raises(ParameterError, match="class_names: must be 2 different texts"):
        result.model(class_names=["a"])


def test_numbers_are_predicted_as_numbers():
    network = multilayer_perceptron(4, (), 2)
    result = train(network, X, VALUES, settings(loss="mean_squared_error", learning_rate=0.05))
    assert result.predict(OTHERS).shape == (30, 2)
    assert result.model(class_names=["height", "width"]).class_names == ("height", "width")


class KeepsModels(Callback):
    def __init__(self):
        self.models = []

    def on_epoch_end(self, record, model):
        self.models.append(model)


@pytest.mark.parametrize(
    ("backend", "plan"), [("vectorized", "auto"), ("numba_cpu", "dual"), ("reference", "auto")]
)
def test_a_callback_that_asks_for_a_model_gets_the_weights_after_each_epoch(backend, plan):
    kept, seen = KeepsModels(), []
    chosen = settings(backend=backend, plan=plan, epochs=3)
    train(NETWORK, X, LABELS, chosen, callbacks=[kept, lambda record, model: seen.append(model)])
    assert [one is other for one, other in zip(kept.models, seen, strict=True)] == [True] * 3
    for epochs, model in enumerate(kept.models, start=1):
        assert isinstance(model, Model)
        wanted = train(NETWORK, X, LABELS, settings(backend=backend, plan=plan, epochs=epochs))
        np.testing.assert_allclose(model.parameters, wanted.parameters, rtol=1e-12)
        assert model.predict(X).shape == (50,)


def test_the_model_of_a_callback_has_the_average_that_was_measured():
    kept = KeepsModels()
    result = train(NETWORK, X, LABELS, settings(ema_decay=0.5), callbacks=kept)
    np.testing.assert_array_equal(kept.models[-1].parameters, result.parameters)


def test_weights_are_taken_only_where_a_callback_asks_for_them(monkeypatch):
    from samplewise.training import training_run

    asked = []

    def counted(*arguments):
        asked.append(arguments)

    monkeypatch.setattr(training_run, "model_of", counted)
    event, seen = threading.Event(), []

    def with_default(record, kept=seen):
        kept.append(record)

    def any_arguments(*arguments):
        assert len(arguments) == 1

    train(NETWORK, X, LABELS, settings(), callbacks=[seen.append, with_default, any_arguments])
    assert (len(seen), asked) == (4, [])

    class ByAttribute(Callback):
        takes_model = True

        def on_epoch_end(self, record, *more):
            assert len(more) == 1
            event.set()

    class ByName(Callback):
        def on_epoch_end(self, record, model=None):
            pass

    train(NETWORK, X, LABELS, settings(epochs=1), callbacks=[ByAttribute(), ByName()])
    assert event.is_set()
    assert len(asked) == 1


def test_a_metric_is_measured_on_the_validation_rows_after_every_epoch():
    result = train(NETWORK, X, LABELS, settings(), validation=HELD, metrics={"auc": auc})
    last = result.history.epochs[-1]
    wanted = roc_auc_score(OTHER_LABELS, result.model().probabilities(OTHERS)[:, 1])
    assert last.metrics == {"auc": wanted}
    assert last.figure("validation_auc") == wanted
    assert last.figure("validation_loss") == last.validation_loss
    assert json.loads(result.history.to_json())["epochs"][1]["metrics"] == {"auc": wanted}
    header, _, line = result.history.to_csv().splitlines()
    assert header.endswith(",validation_accuracy,validation_auc")
    assert float(line.split(",")[-1]) == wanted


def test_a_metric_of_numbers_takes_numbers():
    chosen = settings(loss="mean_squared_error", validation_fraction=0.4)
    network = multilayer_perceptron(4, (), 1)
    result = train(network, X, VALUES[:, 0], chosen, metrics={"r2": r2_score})
    assert 0 < result.history.epochs[-1].metrics["r2"] <= 1


def test_training_goes_by_a_metric_of_which_more_is_better():
    figures = iter([0.2, 0.9, 0.5, float("nan"), 0.9, 0.1])
    chosen = settings(epochs=9, monitor="validation_score", patience=3)
    result = train(
        *(NETWORK, X, LABELS, chosen),
        validation=HELD,
        metrics={"score": lambda targets, predictions: next(figures)},
    )
    history = result.history
    assert (history.stopped, history.best_epoch) == ("patience", 2)
    assert [one.metrics["score"] for one in history.epochs] == [0.2, 0.9, 0.5, None, 0.9]
    assert "NaN" not in history.to_json()
    kept = train(NETWORK, X, LABELS, settings(epochs=2))
    np.testing.assert_array_equal(result.parameters, kept.parameters)


def test_of_a_metric_whose_name_ends_in_loss_less_is_better():
    figures = iter([0.9, 0.2, 0.5, float("nan"), 0.2, 0.1])
    chosen = settings(epochs=9, monitor="validation_rmse_loss", patience=3)
    metrics = {"rmse_loss": lambda targets, predictions: next(figures)}
    history = train(NETWORK, X, LABELS, chosen, validation=HELD, metrics=metrics).history
    assert (history.stopped, history.best_epoch) == ("patience", 2)


def test_networks_at_once_are_measured_each():
    chosen = settings(backend="numba_cpu", validation_fraction=0.4, epochs=1)
    networks = [NETWORK, multilayer_perceptron(4, (5,), 1)]
    results = train_many(networks, X, LABELS, chosen, metrics={"auc": auc})
    for network, result in zip(networks, results, strict=True):
        alone = train(network, X, LABELS, chosen, metrics={"auc": auc})
        assert result.history.epochs[0].metrics == pytest.approx(alone.history.epochs[0].metrics)


@pytest.mark.parametrize(
    ("metrics", "changes", "error", "message"),
    [
        ([auc], {}, ParameterError, "metrics: must be functions by name"),
        ({"a b": auc}, {}, ParameterError, "metrics: a name must be a word .* got 'a b'"),
        ({"loss": auc}, {}, ParameterError, "other than loss and accuracy"),
        ({"auc": 3}, {}, ParameterError, "'auc' must be a function of targets and predictions"),
        ({"auc": lambda *_: "x"}, {}, ParameterError, "'auc' must return a number, got 'x'"),
        ({"auc": lambda *_: True}, {}, ParameterError, "'auc' must return a number, got True"),
        (
            {"auc": auc},
            {"monitor": "validation_acu"},
            CombinationError,
            "monitor: must be one of .* got 'validation_acu'; did you mean 'validation_auc'",
        ),
        (
            None,
            {"monitor": "validation_auc"},
            CombinationError,
            "must be one of .* got 'validation_auc'",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(metrics, changes, error, message):
    with pytest.raises(error, match=message):
        train(NETWORK, X, LABELS, settings(**changes), validation=HELD, metrics=metrics)


def test_metrics_need_validation_rows():
    with pytest.raises(CombinationError, match="metrics: must have validation rows .* got none"):
        train(NETWORK, X, LABELS, settings(), metrics={"auc": auc})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sample_weights", "'sample_weights'; did you mean 'sample_weight'?"),
        ("X_val", "'X_val'; give validation rows as validation=(X, targets)"),
        ("epochs", "'epochs'; it belongs to settings, as in TrainingSettings.from_options(epochs="),
        ("verbose", "'verbose'. It has: X, callbacks, class_names, figures, "),
    ],
)
def test_an_argument_that_train_does_not_have_is_refused(given, message):
    with pytest.raises(TypeError) as caught:
        train(NETWORK, X, LABELS, settings(), **{given: LABELS})
    assert str(caught.value).startswith(f"train() has no argument {message}")
    with pytest.raises(TypeError, match=r"train_many\(\) has no argument"):
        train_many([NETWORK], X, LABELS, settings(), **{given: LABELS})
