"""The small trainings that the tests of snapshots interrupt, and the comparison of their ends."""

import dataclasses
import json

import numpy as np

from samplewise.network import multilayer_perceptron
from samplewise.training.callbacks import Callback
from samplewise.training.checkpoints.snapshot_file import packed, unpacked
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.snapshot import Snapshot
from samplewise.training.train import train

RNG = np.random.default_rng(5)
X = RNG.standard_normal((24, 9))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
HELD = RNG.standard_normal((10, 9)), RNG.integers(0, 2, 10)
NETWORK = multilayer_perceptron(9, (4,), 1, "tanh")
MANY = [NETWORK, multilayer_perceptron(9, (3, 2), 1), multilayer_perceptron(9, (), 1)]
# Chunks of two batches: three an epoch.
CHUNK, BATCH, EPOCHS = 8, 4, 3
PLATEAU = {"schedule": "plateau", "plateau_epochs": 1, "min_delta": 0.02, "learning_rate": 0.3}


def settings(**changes):
    plain = {
        "backend": "vectorized",
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "init": "glorot_uniform",
    }
    return TrainingSettings.from_options(**{**plain, **changes})


class Takes(Callback):
    """Takes a snapshot at every edge."""

    def __init__(self):
        self.snapshots = []

    def on_chunk_end(self, take_snapshot):
        self.snapshots.append(take_snapshot())


def outcome(result):
    return result.parameters.tobytes(), without_times(json.loads(result.history.to_json()))


def without_times(values):
    """Leave out of JSON values all that a clock decides."""
    if isinstance(values, dict):
        timed = ("_ms", "_per_s", "seconds", "checksum", "environment")
        return {k: without_times(v) for k, v in values.items() if not k.endswith(timed)}
    return [without_times(one) for one in values] if isinstance(values, list) else values


def again(snapshot):
    """Return a snapshot as a file would give it back."""
    return unpacked(packed(snapshot), "file")


def state(snapshot):
    values, arrays = snapshot.to_parts()
    bits = {name: array.tobytes() for name, array in arrays.items()}
    return bits, without_times(json.loads(json.dumps(values)))


def goes_on_to_the_same_end(run):
    """Check `run(callbacks, initial)`, which returns results, from each of its edges."""
    plain = [outcome(one) for one in run([], None)]
    whole = Takes()
    assert [outcome(one) for one in run([whole], None)] == plain
    assert len(whole.snapshots) > 3
    # Every second of three an epoch: each place of an epoch in turn.
    for snapshot in whole.snapshots[::2]:
        rest = Takes()
        assert [outcome(one) for one in run([rest], again(snapshot))] == plain
        taken = [snapshot, *rest.snapshots]
        assert list(map(state, taken)) == list(map(state, whole.snapshots[-len(taken) :]))


BUSY = {
    **PLATEAU,
    "optimizer": "adam",
    "ema_decay": 0.5,
    "patience": 4,
    "epochs": 6,
    "plateau_epochs": 2,
    "monitor": "validation_loss",
    "min_delta": 0.001,
    "max_seconds": 1e6,
}


def busy(callbacks=(), initial=None, **changes):
    chosen = settings(**{**BUSY, **changes})
    return train(
        *(NETWORK, X, LABELS, chosen), validation=HELD, callbacks=callbacks, initial=initial
    )


def edge():
    """Return a snapshot in the middle of the third epoch, when all of it is in use."""
    takes = Takes()
    busy([takes])
    found = takes.snapshots[7]
    assert (found.epoch, found.position) == (3, 16)
    return found


def altered(snapshot, field, value):
    """Return a snapshot with another value of a field, of its first network if it is one's."""
    if field in {one.name for one in dataclasses.fields(Snapshot)}:
        return dataclasses.replace(snapshot, **{field: value}).sealed()
    first, *others = snapshot.networks
    first = dataclasses.replace(first, **{field: value})
    return dataclasses.replace(snapshot, networks=(first, *others)).sealed()


def zeroed(array):
    return np.zeros_like(array)
