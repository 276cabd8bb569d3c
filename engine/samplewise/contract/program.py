"""The programs that a backend compiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from samplewise.contract.plan import Plan
from samplewise.contract.state import Steps, TrainingState
from samplewise.errors import ContractError
from samplewise.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Program(Protocol):
    """A network, loss and optimizer compiled for one dtype; called from one thread at a time.

    Arrays are C-contiguous, of the program's dtype, finite and of the right shape: the engine has
    checked. X is (n, inputs) and Y is (n, outputs); either may be read-only. Subclass it to
    inherit what a program that trains step by step, in place, need not write. `held_state` and
    `restore` are for plans that are not in place.

    Attributes:
        plan: how it trains.
        threads: maximum number of threads of `predict`, which the engine may set between two calls.
            A program may take fewer; the logits have the same bits on any number.
    """

    plan: Plan = Plan()
    threads: int = 1

    def warm_up(self) -> None:
        """Do now whatever the first call would do once: compile, load, allocate."""
        return

    def run_epoch(
        self,
        state: TrainingState,
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Steps,
        losses: NDArray[Any],
    ) -> None:
        """Train on the batches of `steps`, updating `state` in place.

        X is the same object as long as the rows stay the same, and nobody writes to it: what was
        computed from another object no longer holds.

        Writes `losses[i]` for each i in [steps.start, steps.stop): the loss of the sample
        `steps.order[i]` before its update. `losses` has shape (n,) and the program's dtype.
        """
        ...

    def synchronize(self, state: TrainingState) -> None:
        """Bring into `state` what the program keeps of it elsewhere; the engine then reads it."""
        return

    def forget(self) -> bool:
        """Let go of all arrays of a training that has ended.

        Returns:
            True if the program then trains anew, to the same bits as one compiled for it: the
            engine keeps it for a training of the same description. False leaves it to be dropped.
        """
        return False

    def computed_on(self) -> frozenset[str]:
        """Return the names of the devices that the results of the last call came from, or none.

        Ask the framework's arrays, not the settings: the certificate compares it with the
        capabilities.
        """
        return frozenset()

    def held_state(self, state: TrainingState) -> dict[str, NDArray[Any]]:
        """Return copies of what decides later steps and is not in `state`, by names of its own.

        Asked between two calls of `run_epoch`, and only where the plan is not in place. The
        training goes on as if nobody had asked: it must not synchronize.
        """
        raise ContractError(f"{type(self).__name__}: its plan is not in place; write held_state")

    def restore(
        self, state: TrainingState, X: NDArray[Any], held: Mapping[str, NDArray[Any]]
    ) -> None:
        """Go on from a state and what `held_state` returned with it, to the same bits.

        Args:
            state: as it was when `held_state` was asked.
            X: the rows of the last call of `run_epoch` before that.
            held: the arrays, never written to.
        """
        raise ContractError(f"{type(self).__name__}: its plan is not in place; write restore")

    def logits(self, state: TrainingState, X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of rows during training, (n, outputs).

        X is the same object each time for the same rows, and may be the training rows.
        """
        self.synchronize(state)
        return self.predict(state.parameters, X)

    def gradients(
        self, parameters: NDArray[Any], X: NDArray[Any], Y: NDArray[Any]
    ) -> tuple[float, NDArray[Any]]:
        """Return the mean loss of the rows and its gradient, a new flat vector (P,)."""
        ...

    def predict(self, parameters: NDArray[Any], X: NDArray[Any]) -> NDArray[Any]:
        """Return the logits, a new array of shape (n, outputs)."""
        ...

    def predictor(
        self, parameters: NDArray[Any], X: NDArray[Any]
    ) -> tuple[Callable[[], object], NDArray[Any]]:
        """Prepare to predict the same few rows again and again, with other values each time.

        Args:
            parameters: flat (P,); the call below predicts with what it holds then.
            X: (rows, inputs), writable; the caller fills it before each call.

        Returns:
            A call that predicts the values in X, and the array (rows, outputs) into which it writes
            the logits; all of them are NaN where a value in X is NaN or infinite.
        """
        logits = self.predict(parameters, X)

        def predict() -> None:
            logits[...] = self.predict(parameters, X) if np.isfinite(X).all() else np.nan

        return predict, logits

    def learner(
        self,
        state: TrainingState,
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Steps,
        losses: NDArray[Any],
    ) -> Callable[[], object]:
        """Prepare to make the same steps again and again, with other rows each time.

        Asked only where the plan is direct.

        Args:
            state: updated by each call, from where the last one left it. The engine counts its
                steps after each call; nobody else writes to it as long as the call is used.
            X: (rows, inputs), writable; the caller fills it before each call.
            Y: likewise, (rows, outputs).
            steps: as `run_epoch`.
            losses: likewise.

        Returns:
            A call that trains on what X and Y hold, as `run_epoch` does.
        """

        def learn() -> None:
            # A program may take rows in the same array for the same rows.
            self.run_epoch(state, X.copy(), Y, steps, losses)

        return learn


class EpochsProgram(Program, Protocol):
    """A program that runs several epochs in one call."""

    def run_epochs(
        self,
        state: TrainingState,
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        stop: Callable[[], bool],
    ) -> int:
        """Train whole epochs, as a call of `run_epoch` for each; count their steps in `state`.

        The engine calls it only where nothing looks at an epoch before the next one and, unless the
        plan is in place, all rows come in one order.

        Args:
            state: as `run_epoch`.
            X: as `run_epoch`.
            Y: as `run_epoch`.
            steps: of each epoch, all of one batch size.
            losses: of each epoch, (epochs, n).
            stop: True once no further epoch may begin.

        Returns:
            The number of epochs that were run: all of them unless `stop` was True.
        """
        ...


class ManyProgram(Protocol):
    """Several networks that train at once on the same rows in the same order.

    They share inputs, outputs and loss; each has its own layers, optimizer, rate and weights.
    """

    plan: Plan

    def warm_up(self) -> None:
        """Do now whatever the first call would do once: compile, load, allocate."""
        ...

    def run_epoch(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Steps],
        losses: NDArray[Any],
        active: Sequence[int],
    ) -> None:
        """Train the `active` networks, each as `Program.run_epoch` would.

        Args:
            states: of every network, in the order of compiling; those not active stay as they are.
            X: as for one network.
            Y: as for one network.
            steps: of every network, equal but for learning rates, L2 and penalties.
            losses: (networks, n); the rows of active networks are written.
            active: indices, ascending.
        """
        ...

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """As `Program.synchronize`, for every network."""
        ...


class DetachedManyProgram(ManyProgram, Protocol):
    """Several networks whose plan is not in place: a snapshot needs these members too."""

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, NDArray[Any]]:
        """As `Program.held_state`, for all networks together."""
        ...

    def restore(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        held: Mapping[str, NDArray[Any]],
    ) -> None:
        """As `Program.restore`, for all networks together."""
        ...


class EpochsManyProgram(ManyProgram, Protocol):
    """Several networks, of which some may be an epoch ahead of others within a call."""

    def run_epochs(
        self,
        states: Sequence[TrainingState],
        X: NDArray[Any],
        Y: NDArray[Any],
        steps: Sequence[Sequence[Steps]],
        losses: NDArray[Any],
        active: Sequence[int],
        stop: Callable[[], bool],
    ) -> int:
        """As `EpochsProgram.run_epochs`, for the active networks.

        Args:
            states: as `run_epoch`.
            X: as `run_epoch`.
            Y: as `run_epoch`.
            steps: of each epoch those of every network, all of one batch size.
            losses: of each epoch, (epochs, networks, n).
            active: as `run_epoch`.
            stop: True once no network may begin an epoch that none has begun yet.

        Returns:
            The number of epochs that were run: all of them unless `stop` was True.
        """
        ...
