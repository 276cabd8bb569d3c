"""Figures of the user's own from the record of an epoch, and the best that patience goes by."""

import csv
import io
import json

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X
from snapshot_problem import Takes, goes_on_to_the_same_end

from samplewise.errors import CombinationError, ParameterError, SnapshotError
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", "epochs": 9, **changes})


def following(values, **changes):
    """Return the training that monitors these values, one for each epoch."""
    name = changes.pop("name", "score")
    given = iter(values)
    return train(
        *(NETWORK, X, LABELS, settings(monitor=f"figure_{name}", **changes)),
        figures={name: lambda record: next(given)},
    )


def test_a_figure_is_computed_from_the_record_and_kept_in_it():
    figures = {"half_loss": lambda record: record.loss / 2, "wrong": lambda r: 1 - r.accuracy}
    history = train(NETWORK, X, LABELS, settings(epochs=2), figures=figures).history
    for record in history.epochs:
        assert record.figures == {"half_loss": record.loss / 2, "wrong": 1 - record.accuracy}
        assert record.figure("figure_half_loss") == record.loss / 2
    first, _ = csv.DictReader(io.StringIO(history.to_csv()))
    assert float(first["figure_half_loss"]) == history.epochs[0].loss / 2
    assert "figures" not in first
    assert json.loads(history.to_json())["epochs"][1]["figures"] == history.epochs[1].figures


def test_a_figure_sees_validation_metrics_and_networks_have_their_own():
    seen = {"twice": lambda record: 2 * record.metrics["mean"]}
    results = train_many(
        *([NETWORK] * 2, X, LABELS, [settings(backend="numba_cpu", seed=s) for s in (1, 2)]),
        validation=(X, LABELS),
        metrics={"mean": lambda targets, predictions: predictions[:, 1].mean()},
        figures=seen,
    )
    one, other = (result.history.epochs[-1] for result in results)
    assert one.figures["twice"] == 2 * one.metrics["mean"]
    assert one.figures != other.figures


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [("score", [0.2, 0.9, 0.5, 0.1], 2), ("own_loss", [0.2, 0.9, 0.1, 0.3], 3)],
)
def test_less_is_better_of_a_figure_that_is_called_a_loss(name, values, best):
    result = following(values, name=name, epochs=4, keep_best=True)
    assert result.history.best_epoch == best


@pytest.mark.parametrize("value", [np.nan, 10**400])
def test_a_figure_that_no_finite_float_holds_is_recorded_as_none(value):
    history = following([0.1, value, 0.2], epochs=3, patience=3).history
    assert [record.figures["score"] for record in history.epochs] == [0.1, None, 0.2]
    assert "NaN" not in history.to_json()


@pytest.mark.parametrize(
    ("figures", "changes", "error", "message"),
    [
        ([len], {}, ParameterError, "figures: must be functions by name"),
        ({"a b": len}, {}, ParameterError, "figures: a name must be a word, got 'a b'"),
        ({"f": 3}, {}, ParameterError, "'f' must be a function of an epoch's record, got 3"),
        ({"f": lambda _: "x"}, {}, ParameterError, "figures: 'f' must return a number, got 'x'"),
        ({"f": len}, {"monitor": "figure_g"}, CombinationError, "did you mean 'figure_f'"),
        (
            None,
            {"monitor": "figure_f"},
            CombinationError,
            "monitor: must be .* got 'figure_f'",
        ),
    ],
)
def test_a_figure_that_cannot_be_computed_is_refused(figures, changes, error, message):
    with pytest.raises(error, match=message):
        train(NETWORK, X, LABELS, settings(**changes), figures=figures)


def counted(values, patience, tol):
    """Return the epochs that scikit-learn's rule trains for, of a loss."""
    best, waited = np.inf, 0
    for epoch, value in enumerate(values, start=1):
        waited = waited + 1 if value > best - tol else 0
        best = min(best, value)
        if waited > patience - 1:
            return epoch
    return len(values)


# No epoch improves on the one before it by 0.5, and every third one does on the third before it.
SLOW = [4 - epoch / 4 for epoch in range(9)]


@pytest.mark.parametrize(("follow", "epochs", "best"), [(True, 4, 4), (False, 9, 7)])
def test_patience_goes_by_the_best_figure_or_by_the_last_improvement(follow, epochs, best):
    result = following(
        SLOW, name="loss", epochs=9, patience=3, min_delta=0.5, follow_best=follow, keep_best=True
    )
    assert len(result.history.epochs) == epochs
    assert epochs == counted(SLOW, 3, 0.5) or not follow
    assert result.history.best_epoch == best


def test_an_equal_figure_is_an_improvement_only_where_the_best_is_followed():
    same = [0.5] * 6
    assert len(following(same, epochs=6, patience=2, follow_best=True).history.epochs) == 6
    assert len(following(same, epochs=6, patience=2).history.epochs) == 3


def test_a_training_with_figures_goes_on_from_a_snapshot():
    chosen = settings(
        epochs=5, batch_size=4, monitor="figure_own_loss", patience=2, follow_best=True
    )
    figures = {"own_loss": lambda record: 2 * record.loss}

    def run(callbacks, initial, figures=figures):
        options = {"figures": figures, "callbacks": callbacks, "initial": initial}
        return [train(NETWORK, X, LABELS, chosen, **options)]

    goes_on_to_the_same_end(run)
    takes = Takes()
    run([takes], None)
    with pytest.raises(SnapshotError, match="figures"):
        run([], takes.snapshots[0], {**figures, "other": lambda record: 1.0})
