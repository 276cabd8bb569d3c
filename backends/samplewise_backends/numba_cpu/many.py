"""Several networks at once: groups that share the data's Gram matrix, split over threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from samplewise.contract import Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer, aligned_zeros
from samplewise_backends.numba_cpu.planner.threads import threads_for, training_ns, words_for
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.rounds import Rounds
from samplewise_backends.numba_cpu.plans.threads import in_threads
from samplewise_backends.numba_cpu.plans.trainer import Trainer
from samplewise_backends.numba_cpu.trainers import TrainerFactory


class NumbaManyProgram:
    """Networks that see the same rows in the same order, each with its own optimizer and weights.

    Differs from single programs: the first layers of a group are stacked, so that one product
    serves them all, and one Gram matrix serves all groups.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        loss: Loss,
        optimizers: Sequence[Optimizer],
        dtype: DType,
        workload: Workload,
    ) -> None:
        fields = workload.step_fields
        self._members = [Member(*pair, fields) for pair in zip(networks, optimizers, strict=True)]
        self._loss, self._dtype = loss, dtype
        self._active: tuple[int, ...] = ()
        self._groups: list[tuple[list[int], Trainer]] = []
        self._losses = aligned_zeros((0, 0), dtype)
        self._compiled_for = workload
        self._plan_for(workload)

    def warm_up(self) -> None:
        """Compile, or load from the cache, every kernel that this program calls."""
        self._factory.warm_up()

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
        active: Sequence[int],
    ) -> None:
        """Train the active networks, a group after the other or several at once."""
        first = steps[active[0]]
        self._begin(states, X, first, active)
        places = np.cumsum([0, *(len(indices) for indices, _ in self._groups)])
        # The rows of a group lie side by side: so many addresses are made from one.
        if self._losses.shape != losses.shape:
            self._losses = np.zeros_like(losses)

        def run(k: int) -> None:
            indices, trainer = self._groups[k]
            seen = self._losses[places[k] : places[k + 1]]
            trainer.run([states[i] for i in indices], X, Y, [steps[i] for i in indices], seen)
            losses[indices, first.start : first.stop] = seen[:, first.start : first.stop]

        self._each(run, range(len(self._groups)))

    def run_epochs(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Sequence[Steps]],
        losses: Matrix,
        active: Sequence[int],
        stop: Callable[[], bool],
    ) -> int:
        """Train the active networks for epochs, of which each group begins the next by itself."""
        self._begin(states, X, steps[0][active[0]], active)
        runs: dict[int, Callable[[int], None]] = {}
        seen = [
            np.zeros((len(steps), len(indices), losses.shape[2]), losses.dtype)
            for indices, _ in self._groups
        ]

        def prepare(k: int) -> None:
            indices, trainer = self._groups[k]
            own = [[of_epoch[i] for i in indices] for of_epoch in steps]
            runs[k] = trainer.prepare([states[i] for i in indices], X, Y, own, seen[k])

        def run_epoch(k: int, epoch: int) -> None:
            # In the threads, too: the dual plan takes the products of all rows with first weights.
            if epoch == 0:
                prepare(k)
            runs[k](epoch)
            indices, _ = self._groups[k]
            losses[epoch, indices] = seen[k][epoch]
            for i in indices:
                states[i].step += steps[epoch][i].count

        rounds = Rounds(run_epoch, range(len(self._groups)), len(steps), stop)
        return rounds.run(self._threads)

    def _begin(
        self, states: Sequence[TrainingState], X: Matrix, first: Steps, active: Sequence[int]
    ) -> None:
        """Prepare a call of active networks, of which `first` are the steps of one."""
        if first.batch_size != self._workload.batch_size:
            self.synchronize(states)
            self._plan_for(replace(self._workload, batch_size=first.batch_size))
        if tuple(active) != self._active:
            self.synchronize(states)
            self._form_groups(active, self._factory.groups(active))
        self._factory.share_gram(X, first, self._each)

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Bring parameters that groups keep elsewhere into the states."""

        def synchronize(k: int) -> None:
            indices, trainer = self._groups[k]
            trainer.synchronize([states[i] for i in indices])

        self._each(synchronize, range(len(self._groups)))

    def forget(self) -> bool:
        """Let go of the arrays of a training; groups, buffers and plan stay."""
        self._factory.forget()
        for _, trainer in self._groups:
            trainer.forget()
        self._losses = aligned_zeros((0, 0), self._dtype)
        return self._workload == self._compiled_for

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, Matrix]:
        """Return the networks that trained last, their groups, and the held state of each group."""
        groups = [indices for indices, _ in self._groups]
        found = {
            "active": np.array(self._active, np.int64),
            "grouped": np.concatenate(groups),
            "sizes": np.array([len(indices) for indices in groups]),
            **self._factory.held_gram(),
        }
        for k, (indices, trainer) in enumerate(self._groups):
            held = trainer.held_state([states[i] for i in indices])
            found |= {f"{k}.{name}": array for name, array in held.items()}
        return found

    def restore(
        self, states: Sequence[TrainingState], X: Matrix, held: Mapping[str, Matrix]
    ) -> None:
        """Form the same groups, and continue with their held state.

        Raises:
            ValueError: they are missing, as in the held state of an older version, or others'.
        """
        active = held["active"].tolist()
        groups = _groups_in(held, active)
        self._factory.restore_gram(X, held)
        self._form_groups(active, groups)
        for k, (indices, trainer) in enumerate(self._groups):
            names = {name: name.removeprefix(f"{k}.") for name in held}
            own = {short: held[name] for name, short in names.items() if short != name}
            trainer.restore([states[i] for i in indices], X, own)

    def _plan_for(self, workload: Workload) -> None:
        self._workload = workload
        self._factory = TrainerFactory(self._members, self._loss, self._dtype, workload)
        everyone = range(len(self._members))
        self._form_groups(everyone, self._factory.groups(everyone))
        self.plan = self._factory.plan
        if workload.threads > 1:
            ns = self._call_ns(self._members)
            words = words_for(self._threads, workload.threads, len(self._groups), ns)
            self.plan = replace(self.plan, reason=f"{self.plan.reason}; {words}")

    def _form_groups(self, active: Sequence[int], split: Sequence[list[int]]) -> None:
        self._active = tuple(active)
        self._groups = [
            (indices, self._factory.trainer([self._members[i] for i in indices]))
            for indices in split
        ]
        allowed, self._threads = self._workload.threads, 1
        if allowed > 1:
            ns = self._call_ns([self._members[i] for i in active])
            self._threads = threads_for(ns, allowed, len(self._groups))
        self._each = in_threads(self._threads)

    def _call_ns(self, active: Sequence[Member]) -> float:
        """Return the nanoseconds that a call for some of the networks will take on one thread."""
        plan, share = self._factory.plan, len(active) / len(self._members)
        return share * training_ns(plan, self._members, self._workload.rows, self._dtype)


def _groups_in(held: Mapping[str, Matrix], active: Sequence[int]) -> list[list[int]]:
    """Return the groups of a held state, which another version would form in another way."""
    if not {"grouped", "sizes"} <= held.keys():
        raise ValueError("grouped: must be the networks of each group, got none; begin again")
    grouped, sizes = held["grouped"], held["sizes"]
    if sorted(grouped.tolist()) != sorted(active) or sizes.sum() != len(grouped):
        raise ValueError(f"grouped: must be the active networks {active}, got {grouped.tolist()}")
    return [indices.tolist() for indices in np.split(grouped, np.cumsum(sizes)[:-1])]
