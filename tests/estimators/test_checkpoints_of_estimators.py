"""A fit that was cut short goes on from its checkpoint, to the same bits."""

import copy
import pickle
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from samplewise import Callback, Checkpoint, MLPClassifier, MLPRegressor, SweepSearchCV
from samplewise.errors import OutputError, ParameterError, SnapshotError

X = np.random.default_rng(0).standard_normal((60, 5))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 9, "tol": 0.0, "random_state": 1, "batch_size": 16}
KILLED = f"""
import os, signal
import numpy as np
from samplewise import Checkpoint, MLPClassifier

def kill(record):
    if record.epoch == 6:
        os.kill(os.getpid(), signal.SIGKILL)

X = np.random.default_rng(0).standard_normal((60, 5))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
kept = Checkpoint("checkpoints", every=2)
MLPClassifier(**{QUICK!r}, callbacks=[kept, kill]).fit(X, Y)
"""


class _Crash(Callback):
    def __init__(self, networks=0):
        self._before = networks

    def on_epoch_end(self, record):
        if record.epoch == 6:
            if not self._before:
                raise OSError("crash")
            self._before -= 1


def _shown(estimator):
    members = vars(estimator).get("estimators_", [estimator])
    return [
        *(weights.tobytes() for member in members for weights in member.coefs_),
        *(estimator.loss_curve_, estimator.n_iter_, estimator.t_, len(estimator.history_)),
        *(estimator.best_loss_, estimator.validation_loss_curve_, estimator.best_epoch_),
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"early_stopping": True},
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"n_ens": 3},
        {"n_ens": 3, "early_stopping": True},
    ],
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_fit_that_crashed_goes_on_to_the_same_bits(kind, parameters, tmp_path):
    whole = kind(**QUICK, **parameters).fit(X, Y)
    kept = Checkpoint(tmp_path / "checkpoints", every=2)
    with pytest.raises(OSError, match="crash"):
        kind(**QUICK, **parameters, callbacks=[kept, _Crash()]).fit(X, Y)
    snapshot = kept.snapshot()
    assert snapshot.epoch == 5
    resumed = kind(**QUICK, **parameters, callbacks=kept).fit(X, Y, initial=snapshot)
    assert _shown(resumed) == _shown(whole)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("networks", "epoch"), [(0, 5), (1, 9)])
def test_an_ensemble_whose_networks_train_one_by_one_goes_on_with_the_first(
    networks, epoch, tmp_path
):
    one_by_one = QUICK | {"n_ens": 3, "backend": "vectorized"}
    whole = MLPClassifier(**one_by_one).fit(X, Y)
    kept = Checkpoint(tmp_path / "checkpoints", every=2)
    with pytest.raises(OSError, match="crash"):
        MLPClassifier(**one_by_one, callbacks=[kept, _Crash(networks)]).fit(X, Y)
    snapshot = kept.snapshot()
    assert snapshot.epoch == epoch
    resumed = MLPClassifier(**one_by_one, callbacks=kept).fit(X, Y, initial=snapshot)
    assert _shown(resumed) == _shown(whole)
    with pytest.raises(ParameterError, match="these networks train at once"):
        MLPClassifier(**one_by_one | {"backend": None}).fit(X, Y, initial=snapshot)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_was_killed_goes_on_in_another_process(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    kept = Checkpoint(tmp_path / "checkpoints", every=2)
    resumed = MLPClassifier(**QUICK, callbacks=kept).fit(X, Y, initial=kept.snapshot())
    assert _shown(resumed) == _shown(MLPClassifier(**QUICK).fit(X, Y))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_snapshot_of_another_fit_is_refused_by_name(tmp_path):
    kept = Checkpoint(tmp_path / "checkpoints")
    MLPClassifier(**QUICK, callbacks=kept).fit(X, Y)
    snapshot = kept.snapshot()
    named = (
        ({"alpha": 0.1}, "settings.batch_l2"),
        ({"random_state": 2}, "settings.seed"),
        ({"hidden_layer_sizes": (5,)}, r"network\.layers\[0\]\.units must be .* 5, got 4"),
        ({"activation": "tanh"}, r"network\.layers\[0\]\.activation"),
    )
    for parameters, name in named:
        with pytest.raises(SnapshotError, match=name):
            MLPClassifier(**{**QUICK, **parameters}).fit(X, Y, initial=snapshot)
    with pytest.raises(SnapshotError, match="rows"):
        MLPClassifier(**QUICK).fit(X + 1, Y, initial=snapshot)


def test_only_a_snapshot_is_gone_on_from():
    with pytest.raises(ParameterError, match="initial: must be .* got 3"):
        MLPClassifier(**QUICK).fit(X, Y, initial=3)


def test_lbfgs_refuses_a_snapshot_and_warns_of_callbacks(tmp_path):
    kept = Checkpoint(tmp_path / "checkpoints")
    with pytest.warns(ConvergenceWarning):
        MLPClassifier(**QUICK, callbacks=kept).fit(X, Y)
    with pytest.raises(ParameterError, match="lbfgs"):
        MLPClassifier(**QUICK, solver="lbfgs").fit(X, Y, initial=kept.snapshot())
    with pytest.warns(UserWarning, match="callbacks: solver 'lbfgs'"):
        MLPClassifier(**{**QUICK, "max_iter": 500}, solver="lbfgs", callbacks=kept).fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_does_not_mix_the_checkpoints_of_its_candidates(tmp_path):
    kept = Checkpoint(tmp_path / "checkpoints", every=4)
    estimator = MLPClassifier(**QUICK, callbacks=kept)
    grid = {"alpha": [0.0, 0.1]}
    message = "holds checkpoints of another training, with .*leave Checkpoint out of a search"
    for search in (GridSearchCV, SweepSearchCV):
        shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
        with pytest.raises(OutputError, match=message):
            search(estimator, grid, cv=2, error_score="raise").fit(X, Y)
        # Those of the first fit are whole.
        assert kept.snapshot().identity["settings"]["batch_l2"] == 0
        assert kept.snapshot().epoch == 9


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_checkpoint_takes_one_fit_after_the_other(tmp_path):
    kept = Checkpoint(tmp_path / "checkpoints", every=4)
    for alpha in (0.0, 0.1):
        MLPClassifier(**QUICK, alpha=alpha, callbacks=kept).fit(X, Y)
    assert kept.snapshot().identity["settings"]["batch_l2"] == 0.1
    for copied in (
        copy.deepcopy(kept),
        pickle.loads(pickle.dumps(kept)),
        Checkpoint(kept.folder.path),
    ):
        MLPClassifier(**QUICK, alpha=0.1, callbacks=copied).fit(X, Y)
    with pytest.raises(OutputError, match=r"with data \"\w+\" instead of \"\w+\"; give each"):
        MLPClassifier(**QUICK, alpha=0.1, callbacks=copy.deepcopy(kept)).fit(X + 1, Y)
