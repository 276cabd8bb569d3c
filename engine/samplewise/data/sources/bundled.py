"""The small real datasets that come with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels

BUNDLED = ("digits", "breast_cancer", "iris", "wine")


def load_bundled(name: str) -> Dataset:
    """Return one of scikit-learn's datasets; needs no network.

    `digits` are 8x8 images with white at 16 (uint8); the others are tables (float64).

    Args:
        name: one of `BUNDLED`.
    """
    # Half a second, which only those pay who ask for such a dataset.
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")()
    # Names, not scikit-learn's numbers: its breast_cancer counts malignant before benign.
    class_names, labels = encode_labels(np.asarray(bunch.target_names)[bunch.target], name)
    digits = name == "digits"
    return Dataset(
        name=name,
        X=np.ascontiguousarray(bunch.data, dtype=np.uint8 if digits else np.float64),
        labels=labels,
        class_names=class_names,
        source=f"scikit-learn's {name}",
        image_shape=(8, 8) if digits else None,
        full_scale=16.0 if digits else None,
    )
