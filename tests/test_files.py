import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from samplewise.cli.outputs import check_output_file
from samplewise.errors import OutputError, SamplewiseWarning
from samplewise.io import writing as files
from samplewise.io.leftovers import clear_leftovers
from samplewise.io.lock import held, locked


def failing(function, nth, code=errno.EIO):
    """Return `function`, failing from its nth call on, and the list of its calls."""
    calls = []

    def wrapped(*args, **kwargs):
        calls.append(args)
        if len(calls) >= nth:
            raise OSError(code, os.strerror(code))
        return function(*args, **kwargs)

    return wrapped, calls


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    files.write_bytes(path, b"old")
    files.write_text(path, "né")
    assert path.read_bytes() == "né".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: (events.append(os.fstat(fd).st_mode & 0o170000), fsync(fd))[1]
    )
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (events.append("rename"), replace(self, to))[1]
    )
    files.write_bytes(tmp_path / "file", b"new")
    assert events == [0o100000, "rename", 0o040000]


@pytest.mark.parametrize(
    ("where", "name", "nth"), [(os, "fsync", 1), (Path, "replace", 1), (Path, "open", 1)]
)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_failure_before_the_rename_keeps_the_old_file(
    tmp_path, monkeypatch, where, name, nth, code
):
    path = tmp_path / "file"
    files.write_bytes(path, b"old")
    wrapped, calls = failing(getattr(where, name), nth, code)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, wrapped)
        with pytest.raises(OutputError, match=f"cannot write .*file: {os.strerror(code)}") as error:
            files.write_bytes(path, b"new")
    assert calls
    assert error.value.__cause__.errno == code
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a FIFO"),
        (os.mkdir, "a folder"),
        (lambda path: path.symlink_to("/dev/null"), "a character device"),
    ],
    ids=["fifo", "folder", "device"],
)
def test_what_is_not_a_file_is_not_replaced_by_one(tmp_path, make, kind):
    path = tmp_path / "out.csv"
    make(path)
    before = os.lstat(path)
    with pytest.raises(OutputError, match=f"it is {kind}.*; name a file"):
        files.write_bytes(path, b"new")
    assert os.lstat(path) == before


def test_a_fifo_in_the_place_of_a_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run")
    with pytest.raises(OutputError, match="Not a directory"), locked(tmp_path / "run", "why"):
        pass


def test_a_folder_that_cannot_be_synced_is_a_failure(tmp_path, monkeypatch):
    wrapped, _ = failing(os.fsync, 2)
    monkeypatch.setattr(os, "fsync", wrapped)
    with pytest.raises(OutputError):
        files.write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_missing_folder_is_named_with_the_remedy(tmp_path):
    with pytest.raises(OutputError, match=r"nowhere/file: .*; make the folder .*nowhere first"):
        files.write_bytes(tmp_path / "nowhere" / "file", b"new")


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError, match="cannot write"):
        files.write_bytes(tmp_path / "file" / "below", b"new")
    with pytest.raises(OutputError, match="cannot make"):
        files.check_output_folder(tmp_path / "file" / "below" / "more", force=True, known={"a"})


FULL_DISK = """
import resource, sys
from pathlib import Path
from samplewise.io import writing as files
from samplewise.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.write_bytes(Path(sys.argv[1]), bytes(100_000))
except OutputError as error:
    print(error)
"""


def test_a_link_to_an_open_file_stays(tmp_path):
    link = tmp_path / "stdout"
    with (tmp_path / "file").open("wb") as file:
        link.symlink_to(f"/proc/self/fd/{file.fileno()}")
        with pytest.raises(OutputError, match="stdout: it is a link to an open file of a process"):
            files.write_bytes(link, b"new")
    assert link.is_symlink()


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit on file sizes here")
def test_a_name_too_long_for_a_file_is_refused(tmp_path):
    with pytest.raises(OutputError, match="^cannot write x.*: File name too long$"):
        files.write_bytes(Path("x" * 300), b"new")
    # Its folder is not missing: no remedy says to make it.
    with pytest.raises(OutputError, match="^cannot write x.*: File name too long$"):
        files.write_bytes(Path("x" * 300, "file"), b"new")


def test_a_missing_folder_of_a_file_is_to_be_made(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory; make the folder .*no first"):
        files.write_bytes(tmp_path / "no" / "file", b"new")


def test_a_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == f"cannot write {path}: File too large\n"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def fill(folder, text="new"):
    (folder / "a").write_text(text)


def fail_after_filling(folder, kind):
    fill(folder)
    raise kind


def test_a_folder_appears_whole_with_its_parents(tmp_path):
    with files.new_folder(tmp_path / "x" / "run", force=False, known={"a"}) as new:
        fill(new)
        assert not (tmp_path / "x" / "run").exists()
    assert (tmp_path / "x" / "run" / "a").read_text() == "new"
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["run"]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_inside_leaves_no_folder_and_keeps_the_old_one(tmp_path, kind):
    with files.new_folder(tmp_path / "run", force=False, known={"a"}) as new:
        fill(new, "old")
    with pytest.raises(kind), files.new_folder(tmp_path / "run", force=True, known={"a"}) as new:
        fail_after_filling(new, kind)
    assert (tmp_path / "run" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("nth", [1, 2])
def test_a_rename_that_fails_gives_the_old_folder_back(tmp_path, monkeypatch, nth):
    (tmp_path / "run").mkdir()
    fill(tmp_path / "run", "old")
    rename, calls = Path.rename, []

    def fails_once(self, target):
        calls.append(self)
        if len(calls) == nth:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fails_once)
        with (
            pytest.raises(OutputError, match="cannot write"),
            files.new_folder(tmp_path / "run", force=True, known={"a"}) as new,
        ):
            fill(new)
    assert (tmp_path / "run" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_existing_folder_needs_force(tmp_path):
    fill(tmp_path)
    with pytest.raises(OutputError, match="exists already; pass --force .* with --out OTHER"):
        files.check_output_folder(tmp_path, force=False, known={"a"})
    files.check_output_folder(tmp_path, force=True, known={"a"})


def test_a_folder_is_not_named_as_a_file(tmp_path):
    with pytest.raises(OutputError, match="a folder is written, but the name ends as"):
        files.check_output_folder(tmp_path / "model.pt", force=False, known={"a"})
    files.check_output_folder(tmp_path / "run-1.5", force=False, known={"a"})


def test_a_link_is_no_output_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OutputError, match="is not a folder"):
        files.check_output_folder(tmp_path / "link", force=True, known={"a"})


@pytest.mark.parametrize("length", [250, 255])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, length):
    files.write_bytes(tmp_path / ("f" * length), b"new")
    with files.new_folder(tmp_path / ("d" * length), force=False, known={"a"}) as new:
        fill(new)
    with files.new_folder(tmp_path / ("d" * length), force=True, known={"a"}) as new:
        fill(new)
    assert sorted(len(path.name) for path in tmp_path.iterdir()) == [length, length]


def test_a_name_longer_than_that_is_refused_at_once(tmp_path):
    with pytest.raises(OutputError, match="File name too long; name another"):
        files.check_output_folder(tmp_path / ("d" * 256), force=True, known={"a"})
    with (
        pytest.raises(OutputError, match="File name too long; name another"),
        files.new_folder(tmp_path / ("d" * 256), force=True, known={"a"}),
    ):
        pass


def test_a_source_that_cannot_be_looked_at_is_left_to_what_reads_it(tmp_path):
    check_output_file(tmp_path / "out", force=False, source="x" * 300)


def another_run_writes(run, name):
    run.mkdir()
    (run / name).write_text("of another run")


@pytest.mark.parametrize(("force", "name"), [(False, "a"), (True, "stranger")])
def test_what_came_to_be_in_the_meantime_is_never_replaced(tmp_path, force, name):
    run = tmp_path / "run"
    with (
        pytest.raises(OutputError, match="name another with --out"),
        files.new_folder(run, force=force, known={"a"}),
    ):
        another_run_writes(run, name)
    assert (run / name).read_text() == "of another run"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_is_filled_without_force(tmp_path):
    (tmp_path / "run").mkdir()
    with files.new_folder(tmp_path / "run", force=False, known={"a"}) as new:
        fill(new)
    assert (tmp_path / "run" / "a").read_text() == "new"


def _left(folder, *endings):
    found = [folder / f".run.{number:08x}.{ending}" for number, ending in enumerate(endings)]
    for path in found:
        path.mkdir()
        (path / "a").write_text(path.suffix)
    return found


def test_what_killed_processes_left_is_removed(tmp_path):
    left = _left(tmp_path, "tmp", "tmp", "old")
    other = tmp_path / ".other.00000000.tmp"
    other.mkdir()
    (tmp_path / "run").mkdir()
    with files.new_folder(tmp_path / "run", force=False, known=()) as new:
        (new / "a").write_text("new")
    assert not any(path.exists() for path in left)
    assert other.exists()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_syncs_no_folders_is_written_to(tmp_path, monkeypatch, code):
    wrapped, calls = failing(os.fsync, 2, code)
    monkeypatch.setattr(os, "fsync", wrapped)
    files.write_bytes(tmp_path / "a", b"new")
    assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.fixture(params=[errno.EBADF, errno.ENOLCK, errno.ENOSYS])
def no_locks(monkeypatch, request):
    """As NFS answers for folders, and other file systems for all."""
    fcntl = pytest.importorskip("fcntl")
    # In the end another error, so that a loop that waits for a lock is seen.
    answers = iter([OSError(request.param, os.strerror(request.param))] * 20)

    def flock(*_):
        raise next(answers)

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_folder_is_written_and_all_others_stay(tmp_path):
    left = _left(tmp_path, "tmp")
    with files.new_folder(tmp_path / "run", force=False, known=()) as new:
        (new / "a").write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [left[0].name, "run"]


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_folder_is_held_with_a_warning(tmp_path):
    with (
        pytest.warns(SamplewiseWarning, match=r"cannot be locked \(.*nothing prevents that it is"),
        locked(tmp_path, "it is used twice"),
        (tmp_path / "file").open("wb") as file,
        held(file.fileno()),
    ):
        file.write(b"written")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted there")
def test_a_folder_that_another_holds_leaves_no_descriptor(tmp_path):
    with locked(tmp_path, "it is used twice"):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            with pytest.raises(OutputError, match="in use"), locked(tmp_path, "it is used twice"):
                pass
        assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("length", [32, 33])
def test_an_output_whose_hidden_names_are_cut_is_not_put_back(tmp_path, length):
    """The folder that was moved away may be that of another name with the same begin."""
    run = tmp_path / ("r" * length)
    old = tmp_path / f".{'r' * 32}.00000000.old"
    old.mkdir()
    clear_leftovers(run)
    assert run.exists() == (length == 32)
    assert old.exists() != run.exists()


def test_what_a_living_process_writes_stays(tmp_path):
    with files.new_folder(tmp_path / "run", force=False, known=()) as first:
        left = _left(tmp_path, "tmp")
        with files.new_folder(tmp_path / "run", force=False, known=()) as second:
            assert first.exists()
            assert left[0].exists()
            assert first != second
        (tmp_path / "run").rmdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [left[0].name, "run"]


def test_an_output_that_was_moved_away_when_its_process_was_killed_comes_back(tmp_path):
    _left(tmp_path, "tmp", "old")
    with (
        pytest.raises(OutputError, match="exists already"),
        files.new_folder(tmp_path / "run", force=False, known=("a",)),
    ):
        pass
    assert (tmp_path / "run" / "a").read_text() == ".old"
