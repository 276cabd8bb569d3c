"""A backend that trains many networks at once, each by a reference program of its own."""

import dataclasses
from dataclasses import dataclass, field

from faults.faulty_reference import OneByOne
from samplewise import registry
from samplewise.contract import Plan
from samplewise.registry import Choice


class ManyPrograms(OneByOne):
    """Writes down what it was asked to do."""

    def __init__(self, programs, calls):
        super().__init__(programs)
        self._told = calls

    def warm_up(self):
        self._told.append("warm up")

    def run_epoch(self, states, X, Y, steps, losses, active):
        self._told.append((steps[0].start, steps[0].stop, list(active)))
        super().run_epoch(states, X, Y, steps, losses, active)

    def synchronize(self, states):
        self._told.append("synchronize")


class Elsewhere(ManyPrograms):
    """Keeps what it trains to itself until it is asked to bring it out."""

    plan = Plan("dual", "as a test has it", in_place=False)

    def run_epoch(self, states, X, Y, steps, losses, active):
        if not hasattr(self, "own"):
            self.own = [
                dataclasses.replace(state, parameters=state.parameters.copy()) for state in states
            ]
        super().run_epoch(self.own, X, Y, steps, losses, active)

    def synchronize(self, states):
        super().synchronize(states)
        for state, own in zip(states, self.own, strict=True):
            state.parameters[...] = own.parameters


@dataclass
class ManyBackend:
    """The reference, and `compile_many` of it."""

    program: type = ManyPrograms
    name: str = "many"
    many: bool = True
    decisions: bool = True
    calls: list = field(default_factory=list)
    workloads: list = field(default_factory=list)

    @property
    def capabilities(self):
        inner = registry.load("reference").capabilities
        return dataclasses.replace(inner, many=self.many, decisions=self.decisions)

    def compile(self, *arguments):
        return registry.load("reference").compile(*arguments)

    def compile_many(self, networks, loss, optimizers, dtype, workload):
        self.workloads.append(workload)
        programs = [
            self.compile(network, loss, optimizer, dtype, workload)
            for network, optimizer in zip(networks, optimizers, strict=True)
        ]
        return self.program(programs, self.calls)

    def chosen_by(self, monkeypatch):
        """Make it what every run resolves to."""
        choice = Choice(self, "chosen by the test")
        monkeypatch.setattr(registry, "resolve", lambda *_: choice)
        return self
