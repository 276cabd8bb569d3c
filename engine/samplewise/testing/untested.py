"""What a certificate says nothing about, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from samplewise.contract import PLANS, RATES, WEIGHTS, Capabilities
from samplewise.contract.capabilities import Need
from samplewise.contract.plan import AUTO_PLAN
from samplewise.network import ACTIVATIONS, LAYERS, LOSSES, OPTIMIZERS
from samplewise.network.activations import OWN_ACTIVATIONS
from samplewise.network.losses import own_losses
from samplewise.network.optimizers import own_optimizers
from samplewise.testing import ladder
from samplewise.testing.design import DTYPES

KNOWN: dict[str, frozenset[str]] = {
    "layer": frozenset(LAYERS),
    "activation": frozenset(ACTIVATIONS),
    "loss": frozenset(LOSSES) - own_losses(),
    "optimizer": frozenset(
        name
        for rule_name, rule in OPTIMIZERS.items()
        if rule_name not in own_optimizers()
        for name in (rule_name, *rule.options)
    ),
    "dtype": frozenset(DTYPES),
    "plan": frozenset(PLANS),
    "step field": frozenset({RATES, WEIGHTS}),
}
"""What the kit has cases for, by kind."""


def untested(
    offered: Capabilities, tested: Collection[Need], rungs: Collection[str], strength: int
) -> Iterator[tuple[str, str]]:
    """Yield what was not tested, and why.

    Args:
        offered: by the backend.
        tested: capabilities that took part in a trial.
        rungs: that were climbed.
        strength: 2 or 3.
    """
    for kind, names in offered.names().items():
        for name in sorted(names - {AUTO_PLAN}):
            if (kind, name) not in tested:
                yield f"{kind} '{name}'", _reason(kind, name)
        for name in sorted(KNOWN[kind] - names):
            yield f"{kind} '{name}'", "not offered"
    for rung in ladder.RUNGS:
        if rung in rungs:
            continue
        asked = rung in ladder.rungs_for(offered)
        yield f"{rung} rung", "not asked for" if asked else "not offered"
    yield f"more than {strength} capabilities at a time", "cases are chosen, not multiplied out"
    yield "more than 50 inputs, 33 units a layer or 301 rows", "the check is to take seconds"
    yield "several threads, and speed", "each case runs on one thread, and nothing is timed"


def _reason(kind: str, name: str) -> str:
    registered = {*OWN_ACTIVATIONS, *own_losses(), *own_optimizers()}
    if name in registered:
        return "registered by the user; the check has no case of it"
    if name not in KNOWN[kind]:
        return "unknown to this version of samplewise"
    return "every case of it needs something that is not offered, or a rung that was not climbed"
