"""The snapshot of each network of a training, to go on with alone or with others.

Between two epochs, a training that has ended gives the weights of each network whole, in whatever
plan it trained. Such a snapshot names no plan, and networks that have run as many epochs can be put
together anew: some of those that trained at once, or networks of several trainings. Bringing the
weights out of a plan that is not in place rounds them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from samplewise.contract import TrainingState
from samplewise.errors import ParameterError, SnapshotError
from samplewise.training.resume import has_whole_weights
from samplewise.training.snapshot import PLAN, Snapshot, frozen

_OF_EACH = {"networks": "network", "settings": "settings", "metrics": "metrics"}
_OF_EACH |= {"figures": "figures"}
"""Parts of the identity of networks at once that are lists, and their names for one network."""


def part_of(snapshot: Snapshot, index: int, state: TrainingState) -> Snapshot:
    """Return the snapshot of one network, of a training that was interrupted between two epochs.

    Raises:
        SnapshotError: the training was interrupted within an epoch.
    """
    if snapshot.position:
        raise SnapshotError(
            f"snapshot: position must be the begin of an epoch, got {snapshot.position}; networks "
            "part between two epochs only"
        )
    count = len(snapshot.networks)
    identity = {name: value for name, value in snapshot.identity.items() if name != PLAN}
    if count > 1:
        own = {one: identity.pop(name)[index] for name, one in _OF_EACH.items()}
        identity = {**identity, "networks_at_once": 1, **own}
    network = dataclasses.replace(
        snapshot.networks[index],
        parameters=frozen(state.parameters),
        optimizer_state=frozen(state.optimizer_state),
    )
    return dataclasses.replace(
        snapshot,
        identity=identity,
        epoch_ms=tuple(ms / count for ms in snapshot.epoch_ms),
        held={},
        networks=(network,),
    ).sealed()


def joined(parts: Sequence[Snapshot]) -> Snapshot:
    """Return the snapshot of networks that are to train at once.

    Args:
        parts: as `part_of` returns them, at least one.

    Raises:
        ParameterError: one is not such a snapshot.
        SnapshotError: they differ in the epochs that were run.
    """
    if not all(isinstance(part, Snapshot) and has_whole_weights(part) for part in parts):
        raise ParameterError(
            "initial holds several snapshots, but these networks train at once; give the one "
            "snapshot of all"
        )
    epochs = sorted({part.epoch for part in parts})
    if len(epochs) > 1:
        raise SnapshotError(
            f"initial: its snapshots must go on with the same epoch, got the epochs {epochs[0]} to "
            f"{epochs[-1]}; train the networks by themselves"
        )
    if len(parts) == 1:
        return parts[0]
    identity: dict[str, Any] = dict(parts[0].identity, networks_at_once=len(parts))
    of_each = {name: [part.identity.get(one) for part in parts] for name, one in _OF_EACH.items()}
    del identity[_OF_EACH["networks"]]
    return dataclasses.replace(
        parts[0],
        identity=identity | of_each,
        seconds=max(part.seconds for part in parts),
        epoch_ms=tuple(map(sum, zip(*(part.epoch_ms for part in parts), strict=True))),
        networks=tuple(part.networks[0] for part in parts),
    ).sealed()
