"""Files that a command is asked to write."""

from __future__ import annotations

from pathlib import Path

from samplewise.checks import printable
from samplewise.errors import OutputError
from samplewise.io.reading import exists, is_folder, is_there

PNG = ".png"


def check_picture(path: Path, *, force: bool, source: str | Path | None = None) -> None:
    """Refuse as `check_output_file`, and a name that another format has.

    Raises:
        OutputError: as `check_output_file`, or the name does not end in .png.
    """
    check_output_file(path, force=force, source=source)
    if path.suffix.lower() != PNG:
        raise OutputError(f"a picture is written as PNG, got {printable(path)}; end it in {PNG}")


def check_output_file(path: Path, *, force: bool, source: str | Path | None = None) -> None:
    """Refuse a file that could not be written, or whose writing would lose something.

    Args:
        path: the output.
        force: allow to replace a file.
        source: input of the command, which is never replaced; a name that is not a path is fine.

    Raises:
        OutputError: it is a folder, the source or in the source, or exists and `force` is false; or
            its folder is missing or closed.
    """
    try:
        _check(path, force, None if source is None else Path(source))
    except OutputError:
        raise
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise OutputError(
            f"cannot write {printable(path)}: {error.strerror or error}; name another file"
        ) from error


def _check(path: Path, force: bool, source: Path | None) -> None:
    name = printable(path)
    if is_folder(path):
        raise OutputError(f"{name} is a folder; name a file in it")
    if not is_folder(path.absolute().parent):
        folder = printable(path.parent)
        raise OutputError(f"cannot write {name}: the folder {folder} does not exist; make it first")
    # A source that cannot be looked at is left to what reads it.
    source = source if source is not None and is_there(source) else None
    if source is not None and source.is_dir() and source.resolve() in path.resolve().parents:
        raise OutputError(
            f"{name} lies in the folder that this command reads, where it would become a part of "
            "the data; name a file elsewhere"
        )
    if not exists(path):
        return
    if source is not None and path.samefile(source):
        raise OutputError(f"{name} is an input of this command; name another file")
    if not force:
        raise OutputError(f"{name} exists already; name another file, or pass --force")
