"""The small real datasets that come with scikit-learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels

_FILES = {
    "digits": "digits.csv.gz",
    "breast_cancer": "breast_cancer.csv",
    "iris": "iris.csv",
    "wine": "wine_data.csv",
}
BUNDLED = tuple(_FILES)


def load_bundled(name: str) -> Dataset:
    """Return one of scikit-learn's datasets; needs no network.

    `digits` are 8x8 images with white at 16 (uint8); the others are tables (float64).

    Args:
        name: one of `BUNDLED`.
    """
    X, classes = _in_file(name) or _imported(name)
    # Names, not scikit-learn's numbers: its breast_cancer counts malignant before benign.
    class_names, labels = encode_labels(classes, name)
    digits = name == "digits"
    return Dataset(
        name=name,
        X=np.ascontiguousarray(X, dtype=np.uint8 if digits else np.float64),
        labels=labels,
        class_names=class_names,
        source=f"scikit-learn's {name}",
        image_shape=(8, 8) if digits else None,
        full_scale=16.0 if digits else None,
    )


def _in_file(name: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return rows and the class of each, from scikit-learn's file; None where that is not found.

    Importing scikit-learn takes 1.4 s of the processor, half of what a small sweep takes in all.
    """
    installed = find_spec("sklearn")
    folders = (installed and installed.submodule_search_locations) or ()
    paths = [Path(folder, "datasets", "data", _FILES[name]) for folder in folders]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        return None
    if name == "digits":
        cells = np.loadtxt(path, delimiter=",")
        return cells[:, :-1], cells[:, -1].astype(np.int64)
    with path.open(encoding="utf-8") as file:
        # Rows and columns, and the name of each class.
        names = np.array(file.readline().rstrip().split(",")[2:])
        cells = np.loadtxt(file, delimiter=",")
    return cells[:, :-1], names[cells[:, -1].astype(np.int64)]


def _imported(name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows and the class of each, as scikit-learn loads them."""
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")()
    return bunch.data, np.asarray(bunch.target_names)[bunch.target]
