"""A folder of images, one folder a class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samplewise.checks import printable
from samplewise.data.dataset import MAX_CLASSES, Dataset
from samplewise.data.image_file import FORMATS, read_grey
from samplewise.data.labels import check_class_name, check_distinct
from samplewise.data.source_options import DEFAULT, IMAGE_SIZE, STRETCH, SourceOptions
from samplewise.errors import DataError
from samplewise.regular_file import check_bytes, open_unchanged

MAX_FILE_BYTES = 256 * 2**20
_HIDDEN = frozenset({"thumbs.db", "desktop.ini"})


def load_image_folder(folder: Path, options: SourceOptions = DEFAULT) -> Dataset:
    """Read `folder/<class>/<image>` as grey rows, classes and files in code-point order of names.

    Every image must have the same size. Where that is not `options.image_size`, all are resized
    to it with Lanczos' filter, as the public sign digits were. Hidden files are skipped; anything
    else that is not a class folder or an image is an error, so that nothing is left out unseen.

    Args:
        folder: the root; symbolic links must stay inside it.
        options: the size of the rows.

    Raises:
        DataError: no class folder, an empty or nested class folder, names that differ only
            by case or Unicode form, a file that is no image, or images of different sizes.
    """
    classes = _class_folders(folder)
    files = [(index, file) for index, name in enumerate(classes) for file in _images(folder, name)]
    X, image_shape = _read_all([file for _, file in files], options.image_size)
    return Dataset(
        name=printable(folder.name or folder),
        X=X,
        labels=np.array([index for index, _ in files], dtype=np.int64),
        class_names=tuple(classes),
        source=f"the images in the folder {printable(folder.name or folder)}",
        image_shape=image_shape,
        full_scale=255.0,
    )


def read_images(
    folder: Path,
    size: tuple[int, int] = IMAGE_SIZE,
    fit: str = STRETCH,
    full_scale: float | None = None,
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Read the images of a folder, whether they lie in it or in one folder a class, unlabelled.

    Args:
        folder: the root, as `load_image_folder`, or images without class folders.
        size: as `SourceOptions.image_size`.
        fit: as in `SourceOptions`.
        full_scale: as in `SourceOptions`.

    Returns:
        The path of each image below the folder, with forward slashes, in the order of
        `load_image_folder`; and the rows, white 255, shape (images, height * width).

    Raises:
        DataError: no image, images beside folders, or as `load_image_folder`.
    """
    del fit, full_scale
    if any(entry.is_dir() for entry in _visible(folder)):
        files = [file for name in _class_folders(folder) for file in _images(folder, name)]
    else:
        files = list(_images(folder, ""))
    X, _ = _read_all(files, size)
    return tuple(printable(file.relative_to(folder).as_posix()) for file in files), X


def _visible(folder: Path) -> list[Path]:
    """Return what a folder holds, by code points of the names, without hidden files."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"cannot read the folder {printable(folder)}: {reason}; expected one folder a class"
        ) from error
    return [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _HIDDEN]


def _check_inside(entry: Path, root: Path) -> None:
    if not entry.is_symlink():
        return
    try:
        target = entry.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop, before Python 3.13
        raise DataError(
            f"{printable(entry)} is a symbolic link that loops or leads nowhere; remove it"
        ) from error
    if not target.is_relative_to(root.resolve()):
        raise DataError(
            f"{printable(entry)} is a symbolic link out of {printable(root)}; "
            "copy what it points to into the folder"
        )


def _class_folders(root: Path) -> list[str]:
    entries = _visible(root)
    for entry in entries:
        _check_inside(entry, root)
        if not entry.is_dir():
            raise DataError(
                f"{printable(entry)} lies outside the class folders; "
                "expected one folder a class with its images inside"
            )
        check_class_name(entry.name, printable(root))
    names = [entry.name for entry in entries]
    if not 1 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{printable(root)} has {len(names):,} class folders; expected 1 to {MAX_CLASSES:,}, "
            "one folder a class with its images inside"
        )
    check_distinct(names, printable(root), ignore_case=True)
    return names


def _images(root: Path, class_name: str) -> Iterator[Path]:
    files = _visible(root / class_name)
    if not files:
        raise DataError(f"{printable(root / class_name)} holds no image; add some or remove it")
    for file in files:
        _check_inside(file, root)
        if file.is_dir():
            raise DataError(
                f"{printable(file)} is a folder inside a class folder; expected images only"
            )
        if file.suffix.lower() not in FORMATS:
            raise DataError(
                f"{printable(file)} is no image by its name; "
                f"expected {', '.join(FORMATS)}: convert or remove it"
            )
        yield file


def _read_all(
    files: list[Path], size: tuple[int, int]
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint8]], tuple[int, int]]:
    """Return the images as uint8 rows of shape (files, height * width), and (height, width)."""
    first = _read(files[0])
    width, height = first.size
    rows_height, rows_width = size
    what = f"{len(files):,} images of {rows_width} x {rows_height} pixels"
    check_bytes(len(files) * rows_height * rows_width, None, what)
    X = np.empty((len(files), rows_height * rows_width), dtype=np.uint8)
    for row, file in enumerate(files):
        image = first if row == 0 else _read(file)
        if image.size != first.size:
            raise DataError(
                f"{printable(files[0])} has {width} x {height} pixels, "
                f"but {printable(file)} has {image.size[0]} x {image.size[1]}; "
                "expected images of one size"
            )
        X[row] = np.asarray(resized(image, (rows_height, rows_width))).reshape(-1)
    return X, (rows_height, rows_width)


def _read(file: Path) -> Image.Image:
    with open_unchanged(file) as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    check_bytes(len(content), MAX_FILE_BYTES, printable(file))
    return read_grey(content, printable(file))


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the grey image at (height, width), by Lanczos' filter where it has another size."""
    height, width = size
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.LANCZOS)
