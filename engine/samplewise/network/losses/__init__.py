"""Losses: the form of their targets, and how logits become probabilities and decisions.

Every loss is computed from logits.
"""

from __future__ import annotations

import dataclasses

from samplewise.checks import printable
from samplewise.errors import ParameterError
from samplewise.network.losses.base import ClassLoss as ClassLoss
from samplewise.network.losses.base import Loss as Loss
from samplewise.network.losses.base import ValueLoss as ValueLoss
from samplewise.network.losses.classification import BinaryCrossEntropy as BinaryCrossEntropy
from samplewise.network.losses.classification import (
    CategoricalCrossEntropy as CategoricalCrossEntropy,
)
from samplewise.network.losses.regression import Huber as Huber
from samplewise.network.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from samplewise.network.losses.regression import MeanSquaredError as MeanSquaredError
from samplewise.network.losses.regression import MultiLabelCrossEntropy as MultiLabelCrossEntropy
from samplewise.network.losses.regression import Poisson as Poisson
from samplewise.registered import registered

LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
        BinaryCrossEntropy,
        CategoricalCrossEntropy,
        MultiLabelCrossEntropy,
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        Poisson,
    )
}


def loss_named(name: str) -> Loss:
    """Return the loss of this name, with its usual settings.

    Raises:
        ParameterError: there is none; the message lists those there are.
    """
    return LOSSES[registered("loss", name, LOSSES)]()


def loss_from(description: object) -> Loss:
    """Return the loss that `Loss.description` described.

    Raises:
        ParameterError: it describes none.
    """
    options = dict(description) if isinstance(description, dict) else {"name": description}
    kind = LOSSES[registered("loss", options.pop("name", None), LOSSES)]
    known = {field.name for field in dataclasses.fields(kind)}
    if not set(options) <= known:
        raise ParameterError(
            f"{kind.name} has {', '.join(sorted(known)) or 'no options'}, not "
            f"{printable(sorted(options))}"
        )
    return kind(**options)


def class_loss_named(name: str) -> ClassLoss:
    """Return the loss of this name, which must learn classes.

    Raises:
        ParameterError: there is none, or it learns numbers.
    """
    return as_class_loss(loss_named(name))


def as_class_loss(loss: Loss) -> ClassLoss:
    """Return the loss, which must learn classes.

    Raises:
        ParameterError: it learns numbers.
    """
    if not isinstance(loss, ClassLoss):
        known = ", ".join(key for key, kind in LOSSES.items() if issubclass(kind, ClassLoss))
        raise ParameterError(
            f"loss '{loss.name}' learns numbers, but classes are given; use {known}"
        )
    return loss
