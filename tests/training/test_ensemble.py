"""Figures of all networks that train at once, by which they stop at once."""

import dataclasses

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X
from snapshot_problem import HELD, MANY, goes_on_to_the_same_end
from snapshot_problem import LABELS as OTHER_LABELS
from snapshot_problem import X as OTHERS

from samplewise.errors import CombinationError, ParameterError, SomeDivergedError
from samplewise.network import multilayer_perceptron
from samplewise.training import batches
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings

NETWORKS = [NETWORK, multilayer_perceptron(4, (5,), 1), multilayer_perceptron(4, (), 1)]


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "numba_cpu", "epochs": 6, **changes})


def trained(chosen, ensemble, networks=NETWORKS, **rest):
    given = {"validation": (X, LABELS), "ensemble": ensemble, **rest}
    return train_many(networks, X, LABELS, chosen, **given)


def agreement(targets, predictions):
    """The accuracy of the mean of all networks' probabilities."""
    return np.mean(predictions.mean(axis=0).argmax(axis=1) == targets)


def test_a_figure_of_all_networks_is_in_the_record_of_each():
    results = trained(settings(), {"agreement": agreement})
    each = [[record.figures for record in result.history.epochs] for result in results]
    assert each[0] == each[1] == each[2]
    mean = np.mean([result.model().probabilities(X) for result in results], axis=0)
    assert each[0][-1] == {"agreement": np.mean(mean.argmax(axis=1) == LABELS)}


def test_all_networks_stop_at_once_and_return_their_weights_of_the_best_epoch():
    given = iter([0.1, 0.2, 0.9, 0.8, 0.7, 0.6])
    chosen = settings(monitor="figure_score", patience=2)
    results = trained(chosen, {"score": lambda targets, predictions: next(given)})
    kept = trained(settings(epochs=3), None)
    for result, wanted in zip(results, kept, strict=True):
        assert len(result.history.epochs) == 5
        assert (result.history.stopped, result.history.best_epoch) == ("patience", 3)
        np.testing.assert_array_equal(result.parameters, wanted.parameters)


def test_numbers_come_as_the_metrics_have_them_and_figures_stand_beside():
    shapes = []

    def seen(targets, predictions):
        shapes.append((targets.shape, predictions.shape))
        return 1.0

    values = X[:, 0] + 1
    results = train_many(
        *(NETWORKS[:2], X, values, settings(epochs=1, loss="mean_squared_error")),
        validation=(X[:9], values[:9]),
        figures={"double": lambda record: 2 * record.loss},
        ensemble={"seen": seen},
    )
    assert shapes == [((9,), (2, 9))]
    assert results[0].history.epochs[0].figures.keys() == {"double", "seen"}


def test_a_network_that_has_ended_is_still_asked_and_one_that_diverged_is_not():
    shapes, chosen = [], [settings(epochs=n, batch_size=10) for n in (1, 3, 3)]

    def seen(targets, predictions):
        shapes.append(predictions.shape)
        return predictions[0].sum()

    results = trained(chosen, {"seen": seen})
    assert shapes == [(3, 50, 2)] * 3
    # The first network's weights are those of its only epoch.
    assert len({record.figures["seen"] for record in results[1].history.epochs}) == 1
    shapes.clear()
    chosen = [settings(epochs=2, loss="mean_squared_error", learning_rate=r) for r in (1e200, 0.01)]
    with pytest.raises(SomeDivergedError):
        trained(chosen, {"seen": seen}, NETWORKS[:2])
    assert shapes == [(1, 50)] * 2


def test_an_ensemble_goes_on_from_a_snapshot(monkeypatch):
    monkeypatch.setattr(batches, "chunk_samples_of_all", lambda *_: 8)
    chosen = settings(batch_size=4, epochs=4, monitor="figure_loss", patience=2, min_delta=0.01)
    each = [dataclasses.replace(chosen, epochs=epochs) for epochs in (1, 4, 4)]
    ensemble = {"loss": lambda targets, predictions: predictions[:, :, 0].std()}

    def run(callbacks, initial):
        return train_many(
            *(MANY, OTHERS, OTHER_LABELS, each),
            validation=HELD,
            ensemble=ensemble,
            callbacks=[[], callbacks, []],
            initial=initial,
        )

    goes_on_to_the_same_end(run)


@pytest.mark.parametrize(
    ("ensemble", "changes", "error", "message"),
    [
        ([len], {}, ParameterError, "ensemble: must be functions by name"),
        ({"a b": len}, {}, ParameterError, "ensemble: a name must be a word"),
        ({"f": 3}, {}, ParameterError, "'f' must be a function of targets and the predictions"),
        ({"f": lambda *_: "x"}, {}, ParameterError, "ensemble: 'f' must return a number, got 'x'"),
        ({"own": len}, {}, ParameterError, "ensemble: 'own' is one of figures too"),
        ({"f": len}, {"monitor": "figure_g"}, CombinationError, "must be one of"),
        ({"f": len}, {"backend": "reference"}, CombinationError, "one after the other"),
    ],
)
def test_an_ensemble_that_cannot_be_measured_is_refused(ensemble, changes, error, message):
    with pytest.raises(error, match=message):
        trained(settings(**changes), ensemble, figures={"own": lambda record: record.loss})


def test_an_ensemble_needs_validation_rows():
    with pytest.raises(CombinationError, match="ensemble: must have validation rows .* got none"):
        trained(settings(), {"f": agreement}, validation=None)
