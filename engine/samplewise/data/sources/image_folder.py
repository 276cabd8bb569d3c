"""A folder of images: one folder for each class, or images only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.labels import MAX_CLASSES, check_class_name, check_distinct, composed_classes
from samplewise.data.sources.grey_levels import warn_of_few_bits
from samplewise.data.sources.image_file import FORMATS, WHITE, GreyImage, read_pixels
from samplewise.data.sources.image_fit import described, differ_in_shape, warn_of_shapes
from samplewise.data.sources.options import DEFAULT_OPTIONS, STRETCH, SourceOptions
from samplewise.errors import DataError, ErrorList
from samplewise.io.reading import check_bytes, is_data_folder, read_whole
from samplewise.text import counted

MAX_FILE_BYTES = 256 * 2**20
_HIDDEN = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def load_image_folder(folder: Path, options: SourceOptions = DEFAULT_OPTIONS) -> Dataset:
    """Read `folder/<class>/<image>` as grey rows, classes and files in code-point order of names.

    Images of any size and shape are brought to `options.image_size`, one at a time. Hidden files
    are skipped; anything else that is not a class folder or an image is an error, so that nothing
    is left out unseen. One class is enough here; whoever trains asks for two.

    Args:
        folder: the root; symbolic links must stay inside it.
        options: size of the rows, how images of another shape are brought to it, and the value of
            a white pixel in the files.

    Raises:
        DataError: no class folder, an empty or nested one, names that differ only by case or
            Unicode form, or a file that is not an image.

    Warns:
        SamplewiseWarning: images of different shapes are stretched, or all of 16 bits are nearly
            black.
    """
    classes = _class_folders(folder)
    errors = ErrorList(DataError)
    files = [
        (index, file)
        for index, name in enumerate(classes)
        for file in _images(folder, errors, name)
    ]
    errors.check()
    X, sizes = _read_all([file for _, file in files], options, folder)
    names, labels = composed_classes(tuple(classes), np.array([index for index, _ in files]))
    return Dataset(
        name=printable(folder.name or folder),
        X=X,
        labels=labels,
        class_names=names,
        source=f"the images in the folder {printable(folder.name or folder)}"
        f"{described(sizes, options.image_size, options.fit)}",
        image_shape=options.image_size,
        full_scale=WHITE,
    )


def read_images(
    folder: Path, options: SourceOptions = DEFAULT_OPTIONS
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Read the images of a folder or of its class folders, without labels.

    Args:
        folder: the root, as `load_image_folder`, or images without class folders.
        options: as `load_image_folder`.

    Returns:
        The path of each image below the folder, with forward slashes, in the order of
        `load_image_folder`; and the rows, white 255, shape (images, height * width).

    Raises:
        DataError: no image, images beside folders, or as `load_image_folder`.

    Warns:
        SamplewiseWarning: as `load_image_folder`.
    """
    files = _files(folder)
    X, _ = _read_all(files, options, folder)
    return tuple(printable(file.relative_to(folder).as_posix()) for file in files), X


def _files(folder: Path) -> list[Path]:
    names = [""]
    if any(is_data_folder(entry) for entry in _visible(folder)):
        names = _class_folders(folder)
    errors = ErrorList(DataError)
    files = [file for name in names for file in _images(folder, errors, name)]
    errors.check()
    return files


def _visible(folder: Path) -> list[Path]:
    """Return the content of a folder, by code points of the names, without hidden files."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"cannot read the folder {printable(folder)}: {reason}; expected one folder for "
            "each class"
        ) from error
    return [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _HIDDEN]


def _is_folder_inside(entry: Path, root: Path) -> bool:
    """Return True for a folder; refuse a symbolic link out of the root."""
    is_folder = is_data_folder(entry)
    if not entry.is_symlink():
        return is_folder
    try:
        target = entry.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop, before Python 3.13
        raise DataError(
            f"{printable(entry)} is a symbolic link that loops or leads nowhere; remove it"
        ) from error
    if not target.is_relative_to(root.resolve()):
        raise DataError(
            f"{printable(entry)} is a symbolic link out of {printable(root)}; "
            "copy its target into the folder"
        )
    return is_folder


def _class_folders(root: Path) -> list[str]:
    entries, errors = _visible(root), ErrorList(DataError)
    for entry in entries:
        with errors:
            if not _is_folder_inside(entry, root):
                raise DataError(
                    f"{printable(entry)} lies outside the class folders; "
                    "expected one folder for each class with its images inside"
                )
            check_class_name(entry.name, printable(root))
    errors.check()
    names = [entry.name for entry in entries]
    if not 1 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"{printable(root)} has {len(names):,} class folders; expected 1 to {MAX_CLASSES:,}, "
            "one folder for each class with its images inside"
        )
    check_distinct(names, printable(root), ignore_case=True)
    return names


def _images(root: Path, errors: ErrorList, class_name: str = "") -> Iterator[Path]:
    """Yield the images of a class folder, or of the root; errors go to the list."""
    files: list[Path] = []
    with errors:
        files = _visible(root / class_name)
        if not files:
            raise DataError(f"{printable(root / class_name)} holds no image; add some or remove it")
    for file in files:
        with errors:
            _check_image(file, root)
            yield file


def _check_image(file: Path, root: Path) -> None:
    """Refuse a folder, or a file of another kind by its name."""
    if _is_folder_inside(file, root):
        raise DataError(
            f"{printable(file)} is a folder inside a class folder; expected images only: if it "
            f"is a class itself, give {printable(file.parent)} as the data"
        )
    if file.suffix.lower() not in FORMATS:
        raise DataError(
            f"{printable(file)} is not an image by its name; "
            f"expected {', '.join(FORMATS)}: convert or remove it"
        )


def _read_all(
    files: list[Path], options: SourceOptions, folder: Path
) -> tuple[NDArray[np.uint8], set[tuple[int, int]]]:
    """Return the images as uint8 rows (files, height * width), and their sizes in the files."""
    height, width = options.image_size
    what = f"{counted(len(files), 'image')} of {height} x {width} pixels"
    check_bytes(len(files) * height * width, None, what)
    X = np.empty((len(files), height * width), dtype=np.uint8)
    sizes, peaks, errors = set(), [], ErrorList(DataError)
    for row, file in enumerate(files):
        with errors:
            X[row], found = _read(file, options)
            sizes.add(found.size)
            peaks += [] if found.peak is None else [found.peak]
    errors.check()
    if options.fit == STRETCH and differ_in_shape(sizes):
        warn_of_shapes(sizes, options.image_size, printable(folder))
    if options.full_scale is None and peaks:
        warn_of_few_bits(max(peaks), f"the 16-bit images of {printable(folder)}")
    return X, sizes


def _read(file: Path, options: SourceOptions) -> tuple[NDArray[np.uint8], GreyImage]:
    content = read_whole(file, MAX_FILE_BYTES)
    how = options.image_size, options.fit, options.full_scale
    return read_pixels(content, printable(file), *how)
