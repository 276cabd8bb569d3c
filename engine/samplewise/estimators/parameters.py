"""The constructor parameters of estimators: default, accepted values and meaning, written once."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any, Self, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from samplewise.network import LOSSES, Loss, Optimizer
from samplewise.network.custom import CUSTOM_OPTIMIZERS
from samplewise.network.losses import ValueLoss
from samplewise.training.callbacks import Callback
from samplewise.training.schedules import Schedule

K = TypeVar("K", bound=type)
WHOLE = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
SHARE = Interval(Real, 0, 1, closed="left")
SQUARED_ERROR = "squared_error"
LOG_LOSS = "log_loss"
Weights = Mapping[Any, float] | str | None


class Names(StrOptions):
    """A constraint of names, among them those that a user has registered by now.

    Args:
        known: returns all names.
    """

    def __init__(self, known: Callable[[], set[str]]) -> None:
        super().__init__(known())
        self.known = known

    def is_satisfied_by(self, val: Any) -> bool:
        """Return True if the value is a known name."""
        return isinstance(val, str) and val in self.known()

    def __str__(self) -> str:
        """The known names in the words of other constraints, for messages."""
        return f"a str among {{{', '.join(map(repr, sorted(self.known())))}}}"


def parameter(default: Any, accepted: list[Any], help: str) -> Any:  # noqa: A002 - as `option`
    """Return a dataclass field that is a constructor parameter.

    Args:
        default: its value where the caller gives none.
        accepted: constraints, as scikit-learn's `_parameter_constraints` lists them.
        help: its meaning and unit; no full stop.
    """
    return dataclasses.field(default=default, metadata={"accepted": accepted, "help": help})


def documented(kind: K) -> K:
    """Return an estimator that checks its parameters.

    Its docstring lists them, and the attributes that those of its bases describe.
    """
    fields = [field for field in dataclasses.fields(kind) if "accepted" in field.metadata]
    # The constructor's order: parameters by keyword follow the others.
    fields.sort(key=lambda field: bool(field.kw_only))
    kind._parameter_constraints = {  # type: ignore[attr-defined]
        field.name: field.metadata["accepted"] for field in fields
    }
    lines = [f"    {field.name}: {field.metadata['help']}." for field in fields]
    # `python -OO` leaves no docstrings, and so no attributes.
    parts = [
        inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n") for base in kind.__mro__
    ]
    attributes = [text for *_, text in parts if text]
    meaning = parts[0][0].rstrip()
    text = [meaning, "", "Args:", *lines, *(["", "Attributes:", *attributes] if attributes else [])]
    kind.__doc__ = "\n".join(text)
    return kind


@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class TrainingParameters:
    """The parameters that all estimators share; names and defaults are scikit-learn's."""

    solver: str | Optimizer = parameter(
        "adam",
        [Names(lambda: {"lbfgs", "sgd", "adam", *CUSTOM_OPTIMIZERS.names}), Optimizer],
        "adam, sgd, lbfgs (full batch, by scipy), a registered optimizer by name, or an optimizer "
        "such as samplewise.RMSprop()",
    )
    alpha: float = parameter(
        1e-4,
        [NOT_NEGATIVE],
        "L2 penalty alpha/2 |W|^2 of a batch, over the sum of its weights; not on biases",
    )
    batch_size: str | int = parameter(
        "auto", [StrOptions({"auto"}), WHOLE], "rows of an update; auto is min(200, rows)"
    )
    learning_rate: str | Schedule = parameter(
        "constant",
        [StrOptions({"constant", "invscaling", "adaptive"}), Schedule],
        "of sgd: constant; invscaling, rate / (rows seen + 1)^power_t by epoch; adaptive, a fifth "
        "where the loss or validation score stops improving. Or, with any solver but lbfgs, a "
        "schedule such as samplewise.Cosine()",
    )
    learning_rate_init: float = parameter(1e-3, [POSITIVE], "learning rate, above 0")
    power_t: float = parameter(0.5, [NOT_NEGATIVE], "power of invscaling")
    max_iter: int = parameter(200, [WHOLE], "maximum number of epochs, or of lbfgs's iterations")
    shuffle: bool = parameter(True, ["boolean"], "draw a new order of the rows for every epoch")
    random_state: int | np.random.RandomState | None = parameter(
        None, ["random_state"], "seed of initial weights, split and orders"
    )
    tol: float = parameter(
        1e-4, [NOT_NEGATIVE], "smallest change of loss or validation score that is an improvement"
    )
    verbose: bool | int = parameter(False, ["verbose"], "print the loss of each epoch")
    warm_start: bool = parameter(
        False,
        ["boolean"],
        "begin `fit` with the weights of the last one and its wait for an improvement, with a new "
        "optimizer",
    )
    momentum: float = parameter(0.9, [SHARE], "momentum of sgd, in [0, 1)")
    nesterovs_momentum: bool = parameter(True, ["boolean"], "Nesterov's momentum")
    early_stopping: bool = parameter(
        False,
        ["boolean"],
        "end by the score on validation rows, and keep the weights of its best epoch",
    )
    validation_fraction: float = parameter(
        0.1, [SHARE], "share of the rows that early stopping holds out where `fit` has no X_val"
    )
    beta_1: float = parameter(0.9, [SHARE], "decay of adam's mean gradient, in [0, 1)")
    beta_2: float = parameter(0.999, [SHARE], "decay of adam's mean squared gradient, in [0, 1)")
    epsilon: float = parameter(1e-8, [POSITIVE], "added to adam's denominator, above 0")
    n_iter_no_change: float = parameter(
        10,
        [WHOLE, Options(Real, {np.inf})],
        "epochs without an improvement after which one more ends the training",
    )
    max_fun: int = parameter(15000, [WHOLE], "maximum number of lbfgs's evaluations")
    monitor: str | Callable[..., float] | None = parameter(
        None,
        [str, callable, None],
        "figure on the validation rows that early stopping goes by, more is better: a scorer of "
        "scikit-learn by name, a scorer, or a function of (estimator, X, y); 'loss' is the "
        "validation loss; None is accuracy or R^2",
    )
    callbacks: Callback | Callable[..., Any] | Sequence[Any] | None = parameter(
        None,
        [Callback, callable, "array-like", HasMethods("on_epoch_end"), None],
        "functions of each epoch's record, or samplewise.Callback objects; a reason to stop that "
        "one returns ends the training",
    )
    backend: str | None = parameter(
        None, [str, None], "name of the backend; None takes the fastest that is available"
    )
    dtype: str | None = parameter(
        None,
        [StrOptions({"float32", "float64"}), None],
        "dtype of the weights; None takes that of X where it is float32, else float64",
    )
    n_ens: int = parameter(
        1,
        [Interval(Integral, 1, 10_000, closed="both")],
        "networks of other initial weights that predict by their mean; trained as one product, and "
        "stopped early by the loss of the mean, where `monitor` is None",
    )
    n_threads: int = parameter(1, [WHOLE], "threads for matrix products")

    def _validate_params(self) -> None:
        """Check the parameters that are not as by default; checking all takes 0.3 ms."""
        kind = type(self)
        given = {
            field.name: value
            for field in dataclasses.fields(kind)
            if (value := getattr(self, field.name)) is not field.default
        }
        accepted = kind._parameter_constraints  # type: ignore[attr-defined]
        validate_parameter_constraints(accepted, given, kind.__name__)


_NEVER_COPIED = (type(None), bool, int, float, str)


class Cloned(BaseEstimator):
    """An estimator that scikit-learn clones in a quarter of the time."""

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        # scikit-learn reads the signature in each of a clone's two calls: half of its time.
        return list(super()._get_param_names())

    def __sklearn_clone__(self) -> Self:
        """Return an estimator with the same parameters, not fitted.

        scikit-learn would deepcopy thirty parameters, at about 1 us each.
        """
        given: dict[str, Any] = self.get_params(deep=False)
        # Whatever else an estimator holds, its metadata requests for one, scikit-learn hands on.
        if vars(self).keys() == given.keys():
            copies = {
                name: value if type(value) in _NEVER_COPIED else clone(value, safe=False)
                for name, value in given.items()
            }
            copy = type(self)(**copies)
            if all(getattr(copy, name) is value for name, value in copies.items()):
                return copy
        return cast("Self", super().__sklearn_clone__())


def losses_of(kind: type[Loss]) -> set[str]:
    """Return the names of the losses of a kind, registered ones too."""
    return {name for name, loss in LOSSES.items() if issubclass(loss, kind)}


def number_loss() -> Any:
    """Return the field of the loss of a regressor."""
    return parameter(
        SQUARED_ERROR,
        [Names(lambda: {SQUARED_ERROR, *losses_of(ValueLoss)}), ValueLoss],
        "squared_error (half of it), poisson (with the exponential function as link), another loss "
        "of numbers or a registered one by name, or such as samplewise.Huber(delta=2)",
    )
