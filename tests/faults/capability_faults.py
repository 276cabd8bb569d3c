"""A faulty backend for each capability, and the certificate's line that names it.

`PYTHONPATH=tests python -m faults.capability_faults` prints them as a table.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest import mock

from faults.distorted import MANY, DistortedBackend, Distortion
from samplewise.contract.capabilities import Need
from samplewise.testing import Certificate, certify, ladder
from samplewise.testing.cases import Trial
from samplewise.testing.conclusions import KNOWN
from samplewise.testing.measures import Measure

DETERMINISTIC = ("deterministic", "the same bits again")
# Layers, activations and losses also have gradients.
COMPUTED = ("layer", "activation", "loss")
_climb = ladder.climb


@dataclass(frozen=True)
class CapabilityFault:
    """Results that are wrong wherever a capability is in use.

    Args:
        need: the capability.
        rung: that rejects it.
        words: description of the fault.
        distortion: its size.
    """

    need: Need
    rung: str
    words: str
    distortion: Distortion

    def __str__(self) -> str:
        return f"{' '.join(self.need)}, {self.words}"

    @property
    def everywhere(self) -> bool:
        """Whether every trial of the rung uses the capability."""
        return self.need in (MANY, DETERMINISTIC)

    @property
    def backend(self) -> DistortedBackend:
        """A right backend, but for the results of programs that use the capability."""
        return DistortedBackend(lambda used: self.everywhere or self.need in used, self.distortion)

    def certificate(self) -> Certificate:
        """Return the certificate of the backend by the rung that rejects it.

        A program that uses the capability is wrong in the same way whichever capability that is,
        and any other is right: so each trial is climbed once with and once without a fault, for
        all capabilities.
        """

        def climb(_: Any, rung: str, case: Any, plan: str | None = None) -> list[Measure]:
            used = self.need in ladder.tested_by(rung, Trial(case, plan))
            return _climbed(self.distortion if used else Distortion(), rung, case, plan)

        with mock.patch.object(ladder, "climb", climb):
            return certify(self.backend, rungs=[self.rung])


@cache
def _climbed(distortion: Distortion, rung: str, case: Any, plan: str | None) -> list[Measure]:
    return _climb(DistortedBackend(lambda _: True, distortion), rung, case, plan)


def capability_faults() -> Iterator[CapabilityFault]:
    """Yield at least one fault of each capability that the kit has cases for."""
    for need in ((kind, name) for kind, names in KNOWN.items() for name in sorted(names)):
        yield CapabilityFault(need, "epoch", "updates 1 % too large", Distortion(update=0.01))
        if need[0] in COMPUTED:
            large = Distortion(gradient=0.01)
            yield CapabilityFault(need, "gradient", "gradients 1 % too large", large)
    yield CapabilityFault(MANY, "many", "updates 1 % too large", Distortion(update=0.01))
    drift = Distortion(drift=2.0**-20)
    yield CapabilityFault(DETERMINISTIC, "repeat", "drifts from call to call", drift)


def named_first(certificate: Certificate) -> str:
    """Return the line of the verdict that names the likeliest capability."""
    return certificate.complaint().splitlines()[1].strip()


def main() -> None:
    """Print a table of the faults, each with the line that rejects it."""
    sys.stdout.write("| fault | line of the certificate |\n|---|---|\n")
    for fault in capability_faults():
        sys.stdout.write(f"| {fault} | {named_first(fault.certificate())} |\n")


if __name__ == "__main__":
    main()
