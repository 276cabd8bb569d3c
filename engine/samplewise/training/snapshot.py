"""The state of a training at the edge of a chunk, as arrays and JSON values.

Continuing gives the same bits as a training without an interruption. A snapshot has no generator,
because none exists: orders, dropout keys and views of images are drawn anew as functions of seed,
stream and epoch.

A plan that is not in place keeps the first layers' weights as coefficients of the rows, in an
order of its own. Writing the weights out at an edge costs a product of all rows and rounds them, so
that taking a snapshot would change the last bits of its run. So a snapshot holds the coefficients
as they are (`Program.held_state`). Inner products of rows are not held: the program computes them
anew, in the same groups of rows.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import SnapshotError
from samplewise.io.strict_json import MAX_INTEGER_DIGITS
from samplewise.training.callbacks.early_stopping import StoppingState
from samplewise.training.history import EpochRecord
from samplewise.training.rates import PlateauState

FORMAT = 3
PLAN = "plan"
"""The key of an identity that only snapshots of a compiled training have."""
_DAMAGED = "its content does not match its checksum; it is damaged, use another one"
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class NetworkSnapshot:
    """One network of a training.

    Args:
        parameters, optimizer_state: as `TrainingState`, without the arrays in `held`.
        step: updates made.
        losses: of the samples of the epoch so far, in their order.
        samples_run: samples trained on in all epochs.
        early_stopping: the counters of early stopping.
        plateau: those of the schedule plateau.
        epochs: records of the epochs so far.
        stopped: reason why the network stopped training; None while it trains.
        diverged: message of its divergence; None without one.
        finite_parameters: its last finite parameters before that; likewise.
        average: of the weights; None where none was taken yet.
        best: the weights after the best epoch; None where none are kept yet.
        decisions: of the epoch so far, as `losses`; None where the steps take none.
        penalties: of the steps of the epoch so far; None without `batch_l2`.
    """

    parameters: Array
    optimizer_state: Array
    step: int
    losses: Array
    samples_run: int
    early_stopping: StoppingState
    plateau: PlateauState
    epochs: tuple[EpochRecord, ...]
    stopped: str | None = None
    diverged: str | None = None
    finite_parameters: Array | None = None
    average: Array | None = None
    best: Array | None = None
    decisions: Array | None = None
    penalties: Array | None = None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A training at the edge of a chunk, of one network or of all that train at once.

    Args:
        identity: of the training, as JSON values: format, plan, dtype, data, networks, settings and
            the names of metrics and figures. Only the same training can go on.
        environment: that computed so far, as JSON values: backend, kernels, processor, versions.
            Another one can go on, to other last bits.
        epoch: of the next step, counted from 1.
        position: rows of that epoch that were run.
        seconds: since the first step, of which max_seconds is the limit.
        epoch_ms: times of the steps of each epoch before, in milliseconds.
        part_ms: of the epoch so far.
        held: arrays that the program keeps beside the states, by names of its own.
        networks: in their order.
        checksum: SHA-256 of all else; `sealed` computes it.
    """

    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    epoch: int
    position: int
    seconds: float
    epoch_ms: tuple[float, ...]
    part_ms: float
    networks: tuple[NetworkSnapshot, ...]
    held: Mapping[str, Array] = field(default_factory=dict)
    checksum: str = ""

    def sealed(self) -> Snapshot:
        """Return the same snapshot with the checksum of its content."""
        return dataclasses.replace(self, checksum=self._digest())

    def check(self, expected: Mapping[str, Any]) -> None:
        """Refuse to continue another training.

        Args:
            expected: identity of the training, of which some keys may be left out.

        Raises:
            SnapshotError: the snapshot is damaged, or the first field that differs, by its name.
        """
        if not self._is_whole():
            raise SnapshotError(f"snapshot: {_DAMAGED}")
        if different := self.first_difference(expected):
            name, theirs, own = different
            raise SnapshotError(
                f"snapshot: {name} must be that of this training, {own}, got {theirs}; continue "
                "with the rows and settings of the snapshot, or start anew"
            )

    def first_difference(self, expected: Mapping[str, Any]) -> tuple[str, str, str] | None:
        """Return name, value here and expected value of the first field that differs, for people.

        Args:
            expected: as `check`.
        """
        for key, ours in expected.items():
            for name, theirs, own in _differences(key, self.identity.get(key), ours):
                return name, _shown(theirs), _shown(own)
        return None

    def notes_on(self, environment: Mapping[str, Any]) -> list[str]:
        """Return a warning for each difference of the environment that goes on, by its name."""
        theirs, ours = dict(self.environment), dict(environment)
        if theirs.get("backend") != ours.get("backend"):
            # Another backend's kernels are others anyway.
            theirs["kernels"] = ours["kernels"] = ""
        found = _differences("", theirs, ours)
        return [
            f"continued with {name[1:]} {_shown(ours)}, but the snapshot was taken with "
            f"{_shown(theirs)}: later steps may differ in their last bits"
            for name, theirs, ours in found
        ]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return JSON values, and arrays by name; `from_parts` makes the snapshot of them again."""
        arrays = {f"held.{name}": array for name, array in self.held.items()}
        values = _values(self, arrays, "")
        del values["held"]
        values["networks"] = [
            _values(network, arrays, f"networks.{index}.")
            for index, network in enumerate(self.networks)
        ]
        return values, arrays

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> Snapshot:
        """Make a snapshot of the values and arrays that `to_parts` returned.

        Raises:
            SnapshotError: something is missing, unknown or damaged.
        """
        try:
            found = cls(
                **{
                    **values,
                    "epoch_ms": tuple(values["epoch_ms"]),
                    "held": _with_prefix(arrays, "held."),
                    "networks": tuple(
                        _network(network, _with_prefix(arrays, f"networks.{index}."))
                        for index, network in enumerate(values["networks"])
                    ),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SnapshotError(
                f"snapshot: it cannot be read ({type(error).__name__}: {printable(error)}); it is "
                "damaged"
            ) from error
        if not found._is_whole() or len(found.to_parts()[1]) != len(arrays):
            raise SnapshotError(f"snapshot: {_DAMAGED}")
        return found

    def _is_whole(self) -> bool:
        try:
            return self.checksum == self._digest()
        except (AttributeError, KeyError, TypeError, ValueError):
            return False

    def _digest(self) -> str:
        values, arrays = self.to_parts()
        del values["checksum"]
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
        for name, array in sorted(arrays.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).data)
        return digest.hexdigest()


def frozen(array: Array) -> Array:
    """Return a read-only copy."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def fill(name: str, target: Array, given: Array) -> None:
    """Write an array of a snapshot into that of a training.

    Raises:
        SnapshotError: it has another shape or dtype.
    """
    if (given.shape, given.dtype) != (target.shape, target.dtype):
        raise SnapshotError(
            f"snapshot: {name} must be {target.dtype} {target.shape}, got {given.dtype} "
            f"{given.shape}; it is damaged"
        )
    target[...] = given


def json_values(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return an identity as it comes back from JSON, so that both compare equal.

    Integers of more digits than a file may hold, such as seeds, become texts.
    """
    found: dict[str, Any] = json.loads(
        json.dumps(identity),
        parse_int=lambda digits: int(digits) if len(digits) <= MAX_INTEGER_DIGITS else digits,
    )
    return found


def _values(described: Any, arrays: dict[str, Array], prefix: str) -> dict[str, Any]:
    """Return the JSON values of a dataclass, and add its arrays by name."""
    values: dict[str, Any] = {}
    for one in dataclasses.fields(described):
        value = getattr(described, one.name)
        if isinstance(value, np.ndarray):
            arrays[prefix + one.name] = value
        elif isinstance(value, StoppingState | PlateauState):
            values[one.name] = _plain(value)
        elif one.name == "epochs":
            values[one.name] = [_plain(record) for record in value]
        else:
            values[one.name] = list(value) if isinstance(value, tuple) else value
    return values


def _plain(record: StoppingState | PlateauState | EpochRecord) -> dict[str, Any]:
    """Return the values of a dataclass by name, with dictionaries of its own.

    `dataclasses.asdict` copies each number by itself: 10.7 us a record, this 1.1; and a sweep with
    rungs does it several times for every record of every trial.
    """
    return {
        name: dict(value) if isinstance(value, dict) else value
        for name, value in vars(record).items()
    }


def _network(values: Mapping[str, Any], arrays: Mapping[str, Array]) -> NetworkSnapshot:
    built = {
        "early_stopping": StoppingState(**values["early_stopping"]),
        "plateau": PlateauState(**values["plateau"]),
        "epochs": tuple(EpochRecord(**record) for record in values["epochs"]),
    }
    return NetworkSnapshot(**{**values, **built, **arrays})


def _with_prefix(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _differences(name: str, theirs: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name and both values of each innermost field that differs."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in dict.fromkeys([*ours, *theirs]):
            yield from _differences(f"{name}.{key}", theirs.get(key), ours.get(key))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, pair in enumerate(zip(theirs, ours, strict=True)):
            yield from _differences(f"{name}[{index}]", *pair)
    elif theirs != ours:
        yield name, theirs, ours


def _shown(value: Any) -> str:
    return printable(json.dumps(value))
