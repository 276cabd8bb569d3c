"""Checkpoints in files: kills at any point, damage, full disks, and who may go on."""

import errno
import itertools
import os
import pickle
import re
import select
import signal
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace

import crashes
import numpy as np
import pytest
from snapshot_problem import CHUNK, LABELS, NETWORK, Takes, X, edge, outcome, settings

from limits import LIMIT_S, exit_code, forked
from samplewise import Checkpoint, ResumableTraining, train, train_many
from samplewise.errors import (
    DataError,
    OutputError,
    ParameterError,
    SamplewiseWarning,
    SnapshotError,
)
from samplewise.training.callbacks import Callback
from samplewise.training.callbacks import checkpoint as checkpoint_module
from samplewise.training.checkpoints import snapshot_file
from samplewise.training.checkpoints.snapshot_file import (
    load_snapshot,
    packed,
    save_snapshot,
    unpacked,
)
from samplewise.training.session import Session

pytestmark = pytest.mark.filterwarnings("ignore:the network did not learn")


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(Session, "chunk_samples", CHUNK)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_kills_early_late_and_inside_a_save_lose_nothing_and_change_no_bit():
    command = [sys.executable, crashes.__file__, "60", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    counts = re.findall(r"([a-z ]+): (\d+)", done.stdout.splitlines()[0])
    found = {name.strip(): int(count) for name, count in counts}
    assert set(found) == {*crashes.POINTS, "moment", "early", "middle", "late"}
    assert min(found.values()) > 0


def test_the_two_newest_are_kept_and_the_newest_goes_on_to_the_same_bits(tmp_path):
    whole = outcome(train(NETWORK, X, LABELS, settings(epochs=5)))
    kept = Checkpoint(tmp_path / "new" / "folder", every=1)
    assert kept.snapshot() is None
    assert outcome(train(NETWORK, X, LABELS, settings(epochs=5), callbacks=kept)) == whole
    assert names(kept.folder.path) == [f"checkpoint-0000000{n}.safetensors" for n in (4, 5)]
    (tmp_path / "new" / "folder" / "checkpoint-00000005.safetensors").unlink()
    snapshot = Checkpoint(tmp_path / "new" / "folder").snapshot()
    assert (snapshot.epoch, snapshot.position) == (5, 0)
    assert outcome(train(NETWORK, X, LABELS, settings(epochs=5), initial=snapshot)) == whole


def test_of_networks_at_once_one_checkpoint_is_of_all(tmp_path):
    chosen = [settings(backend="numba_cpu", seed=seed, order_seed=0) for seed in (1, 2)]
    whole = [one.parameters for one in train_many([NETWORK] * 2, X, LABELS, chosen)]
    kept = Checkpoint(tmp_path, every=2)
    train_many([NETWORK] * 2, X, LABELS, chosen, callbacks=[[kept], []])
    again = train_many([NETWORK] * 2, X, LABELS, chosen, initial=kept.snapshot())
    assert [one.parameters.tobytes() for one in again] == [one.tobytes() for one in whole]


def written(folder, epochs=3):
    train(NETWORK, X, LABELS, settings(epochs=epochs), callbacks=Checkpoint(folder))
    return sorted(folder.glob("checkpoint-*.safetensors"))


def test_the_newest_has_the_largest_number_of_any_length(tmp_path):
    older, newer = written(tmp_path)
    older.rename(tmp_path / "checkpoint-99999999.safetensors")
    newer = newer.rename(tmp_path / "checkpoint-100000000.safetensors")
    assert Checkpoint(tmp_path).snapshot().checksum == load_snapshot(newer).checksum


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_taken(tmp_path, damage):
    older, newer = written(tmp_path)
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1
    changed = {"empty": b"", "cut": content[:-9], "flipped": content, "other": b"PK\x03\x04 zip"}
    newer.write_bytes(bytes(changed[damage]))
    with pytest.warns(SamplewiseWarning, match=r"is damaged and was renamed to .*corrupt-"):
        snapshot = Checkpoint(tmp_path).snapshot()
    assert snapshot.checksum == load_snapshot(older).checksum
    kept = [name for name in names(tmp_path) if ".corrupt-" in name]
    assert len(kept) == 1
    assert (tmp_path / kept[0]).read_bytes() == bytes(changed[damage])


@pytest.mark.parametrize("stranger", ["folder", "broken link"])
def test_what_is_not_a_file_is_set_aside_too(tmp_path, stranger):
    older, newer = written(tmp_path)
    newer.unlink()
    newer.mkdir() if stranger == "folder" else newer.symlink_to(tmp_path / "nothing")
    with pytest.warns(SamplewiseWarning, match="is damaged and was renamed"):
        snapshot = Checkpoint(tmp_path).snapshot()
    assert snapshot.checksum == load_snapshot(older).checksum


@pytest.mark.usefixtures("short_chunks")
def test_a_snapshot_that_is_cut_or_changed_anywhere_is_refused():
    content = packed(edge())
    for length in range(0, len(content), 61):
        with pytest.raises(SnapshotError):
            snapshot_file.unpacked(content[:length], "file")
    for position in range(0, len(content), 61):
        changed = bytearray(content)
        changed[position] ^= 0x10
        with pytest.raises(SnapshotError):
            snapshot_file.unpacked(bytes(changed), "file")


def test_a_snapshot_outlives_the_bytes_of_its_file(tmp_path):
    content = bytearray(written(tmp_path)[-1].read_bytes())
    snapshot = unpacked(content, "file")
    before = bytes(content)
    content[:] = bytes(len(content))
    assert packed(snapshot) == before


def test_where_all_are_damaged_nothing_starts_anew_by_itself(tmp_path):
    for path in written(tmp_path):
        path.write_bytes(b"x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            with pytest.raises(SnapshotError, match="all checkpoints in it are damaged"):
                Checkpoint(tmp_path).snapshot()


@pytest.mark.usefixtures("short_chunks")
def test_a_later_format_is_refused_and_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_file, "FORMAT", "9")
    save_snapshot(edge(), tmp_path / "checkpoint-00000001.safetensors")
    monkeypatch.undo()
    with pytest.raises(SnapshotError, match="its format must be 1, got '9'; continue with the"):
        Checkpoint(tmp_path).snapshot()
    assert names(tmp_path) == ["checkpoint-00000001.safetensors"]


def test_a_full_disk_is_a_warning_and_the_checkpoint_before_stays(tmp_path, monkeypatch):
    whole = outcome(train(NETWORK, X, LABELS, settings(epochs=4)))
    count, sync = itertools.count(), os.fsync

    def full(descriptor):
        if next(count) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(SamplewiseWarning, match="no checkpoint was written, training goes on: can"):
        result = train(NETWORK, X, LABELS, settings(epochs=4), callbacks=Checkpoint(tmp_path))
    monkeypatch.undo()
    assert outcome(result) == whole
    assert names(tmp_path) == ["checkpoint-00000001.safetensors"]
    assert Checkpoint(tmp_path).snapshot().epoch == 2


def test_a_folder_in_use_is_refused_and_free_again_when_its_process_is_gone(tmp_path):
    ready, told = os.pipe()

    def holds_it():
        with Checkpoint(tmp_path).folder.held():
            os.write(told, b"x")
            signal.pause()

    pid = forked(holds_it)
    assert select.select([ready], [], [], LIMIT_S)[0]
    try:
        with pytest.raises(
            OutputError, match="is in use: .*give each training a folder of its own"
        ):
            train(NETWORK, X, LABELS, settings(), callbacks=Checkpoint(tmp_path))
    finally:
        os.kill(pid, signal.SIGKILL)
        exit_code(pid)
        os.close(ready)
        os.close(told)
    (tmp_path / ".checkpoint-00000001.saf.1234.tmp").write_bytes(b"half")
    train(NETWORK, X, LABELS, settings(), callbacks=Checkpoint(tmp_path))
    assert names(tmp_path) == [f"checkpoint-0000000{n}.safetensors" for n in (2, 3)]


def test_a_relative_folder_is_that_of_the_beginning(tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "first")
    kept = Checkpoint("checkpoints")
    away = [kept, lambda record: os.chdir(tmp_path / "second")]
    train(NETWORK, X, LABELS, settings(), callbacks=away)
    assert len(names(tmp_path / "first" / "checkpoints")) == 2


def test_a_folder_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / ("a" * 300)):
        with pytest.raises(DataError, match="cannot read the folder"):
            Checkpoint(folder).snapshot()
    for folder in ("", "a\0b"):
        with pytest.raises(ParameterError, match="folder: must be the path"):
            Checkpoint(folder)


@pytest.mark.usefixtures("short_chunks")
def test_a_time_and_a_request_write_between_epochs(tmp_path, monkeypatch):
    clock = itertools.count(0, 7)
    monkeypatch.setattr(checkpoint_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    timed, asked = Checkpoint(tmp_path / "timed", "30s"), Checkpoint(tmp_path / "asked", None)
    edges = []

    class Asks(Takes):
        def on_chunk_end(self, take_snapshot):
            edges.append((take_snapshot().epoch, take_snapshot().position))
            if len(edges) == 4:
                asked.request()

    train(NETWORK, X, LABELS, settings(), callbacks=[Asks(), timed, asked])
    assert (asked.snapshot().epoch, asked.snapshot().position) == edges[3]
    assert len(names(tmp_path / "asked")) == 1
    # A look at the clock at each edge, and one at each write: 30 seconds are over at each fifth.
    assert (timed.snapshot().epoch, timed.snapshot().position) == edges[4]
    assert len(names(tmp_path / "timed")) == 1


def test_a_request_with_an_interrupt_between_two_chunks_is_written(tmp_path):
    whole, stop = outcome(train(NETWORK, X, LABELS, settings())), threading.Event()
    kept = Checkpoint(tmp_path, None)

    class Terminates(Callback):
        """Does what a signal does, after the last hook of the epoch."""

        def on_epoch_over(self, take_snapshot):
            kept.request()
            stop.set()

    train(NETWORK, X, LABELS, settings(), callbacks=[kept, Terminates()], stop=stop)
    snapshot = kept.snapshot()
    assert (snapshot.epoch, snapshot.position) == (2, 0)
    assert outcome(train(NETWORK, X, LABELS, settings(), initial=snapshot)) == whole


def test_an_epoch_that_a_limit_cuts_short_is_not_over():
    begun = []

    class Notes(Callback):
        def on_epoch_over(self, take_snapshot):
            begun.append(take_snapshot().epoch)

    train(NETWORK, X, LABELS, settings(batch_size=8, max_steps=4), callbacks=[Notes()])
    assert begun == [2]


@pytest.mark.parametrize("every", [0, -1, True, 2.5, "", "0", "0s", "ten", "3d", "-5s", [1]])
def test_an_interval_that_is_none_is_refused(tmp_path, every):
    match = "every: must be a number of epochs from 1, or a time such as 30s"
    with pytest.raises(ParameterError, match=match):
        Checkpoint(tmp_path, every)


def test_another_backend_goes_on_from_a_plan_in_place_with_a_warning(tmp_path):
    whole = train(NETWORK, X, LABELS, settings(epochs=4)).parameters
    older, _ = written(tmp_path, epochs=4)
    with pytest.warns(SamplewiseWarning, match='continued with backend "reference", but the snap'):
        result = train(
            NETWORK,
            X,
            LABELS,
            settings(epochs=4, backend="reference"),
            initial=load_snapshot(older),
        )
    np.testing.assert_allclose(result.parameters, whole, rtol=1e-10)


def test_another_backend_cannot_go_on_from_a_plan_that_is_not_in_place():
    takes, chosen = Takes(), {"plan": "dual", "batch_size": 1, "epochs": 2}
    train(NETWORK, X, LABELS, settings(backend="numba_cpu", **chosen), callbacks=takes)
    with pytest.raises(SnapshotError, match=r"snapshot: plan\."):
        train(
            NETWORK,
            X,
            LABELS,
            settings(backend="reference", **{**chosen, "plan": "auto"}),
            initial=takes.snapshots[1],
        )


def test_seeds_of_any_length_go_through_a_file(tmp_path):
    seed = 2**100
    train(NETWORK, X, LABELS, settings(seed=seed), callbacks=Checkpoint(tmp_path))
    snapshot = Checkpoint(tmp_path).snapshot()
    assert re.fullmatch(r"\d{31}", snapshot.identity["settings"]["seed"])
    train(NETWORK, X, LABELS, settings(seed=seed), initial=snapshot)


def test_a_resumable_training_goes_on_when_it_is_called_again(tmp_path, monkeypatch):
    resumable = pickle.loads(pickle.dumps(ResumableTraining(NETWORK, settings(), tmp_path, 1)))
    whole = train(NETWORK, X, LABELS, settings()).parameters
    with pytest.raises(ParameterError, match="submitit, which is not installed"):
        resumable.checkpoint(X, LABELS)
    delayed = SimpleNamespace(DelayedSubmission=lambda *call: call)
    monkeypatch.setitem(sys.modules, "submitit", SimpleNamespace(helpers=delayed))
    monkeypatch.setitem(sys.modules, "submitit.helpers", delayed)
    with pytest.raises(InterruptedError):
        train(NETWORK, X, LABELS, settings(), callbacks=[Checkpoint(tmp_path, 1), _killed])
    assert names(tmp_path) == ["checkpoint-00000001.safetensors"]
    again, *arguments = resumable.checkpoint(X, LABELS)
    result = again(*arguments)
    assert result.parameters.tobytes() == whole.tobytes()


def _killed(record):
    if record.epoch == 2:
        raise InterruptedError
