"""JAX: the compiled steps of `samplewise_jax`, called as a user of JAX would call them.

Weights stay on the device between epochs and are donated, and losses are fetched at the end. The
backend brings weights and losses back after each call, as the contract says: its own times are
among samplewise's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise_bench.peers.task import Calls, NotApplicableError, Outcome, Runner, Task
from samplewise_bench.problems import TrainingProblem
from samplewise_bench.training import fresh_state

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
install = "pip install ./backends/samplewise_jax"


def load(cores: int) -> str:
    """Import jax, which reads its flags then and never again, and the backend on it."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    if cores == 1:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()
    import jax
    import jax.numpy

    import samplewise_jax  # noqa: F401 - it is imported with JAX

    jax.numpy.zeros(1).block_until_ready()
    return str(jax.__version__)


def ways(task: Task) -> Sequence[str]:
    """Return the one way that fits."""
    from samplewise_jax import backend

    problem = task.problem
    missing = backend.capabilities.missing(*_parts(problem))
    if missing:
        raise NotApplicableError(f"samplewise_jax lacks {', '.join(map(str, missing))}")
    if any(_kind(other) != _kind(problem) for other in task.problems):
        raise NotApplicableError("vmap takes networks of one shape and rule")
    return ["jit" if task.calls else "jit(vmap(scan))" if len(task.problems) > 1 else "jit(scan)"]


def prepare(task: Task, way: str) -> Runner:
    """Compile."""
    return prediction(task) if task.calls else JaxTraining(task)


def _kind(problem: TrainingProblem) -> tuple[Any, ...]:
    return problem.network, problem.optimizer, problem.learning_rate


def _parts(problem: TrainingProblem) -> tuple[Any, ...]:
    return problem.network, problem.loss, problem.optimizer, problem.dtype


class JaxTraining(Runner):
    """All epochs, one compiled call each; the losses are fetched at the end."""

    def __init__(self, task: Task) -> None:
        import jax

        from samplewise_jax import device

        self._task, problem = task, task.problem
        epochs = inputs_of_epochs(problem)
        self.reset()
        with device.in_use():
            self._rows = jax.device_put((problem.X, problem.Y))
            self._numbers = jax.device_put(changing_numbers(epochs))
            began = time.perf_counter()
            epoch = epoch_of(task, epochs[0])
            self._epoch = epoch.lower(self._state, *self._rows, self._numbers[0]).compile()
            self.compile_s = time.perf_counter() - began

    def reset(self) -> None:
        import jax
        from jax import numpy as jnp

        from samplewise_jax import device

        problems = self._task.problems
        views = [problem.network.layout.views(problem.parameters) for problem in problems]
        with device.in_use():
            # Copied: a donated buffer that shares memory with NumPy would be written to.
            tensors = {
                name: jnp.array(first if len(views) == 1 else [each[name] for each in views])
                for name, first in views[0].items()
            }
            slots = tuple(
                {name: jnp.zeros_like(tensor) for name, tensor in tensors.items()}
                for _ in range(self._task.problem.optimizer.slots)
            )
        self._state: Any = jax.block_until_ready((tensors, slots))

    def run(self) -> None:
        losses = []
        for numbers in self._numbers:
            self._state, of_rows = self._epoch(self._state, *self._rows, numbers)
            losses.append(of_rows)
        self._losses = self._means(np.stack([np.asarray(of_rows) for of_rows in losses]))
        for tensor in self._state[0].values():
            tensor.block_until_ready()

    def _means(self, losses: NDArray[Any]) -> NDArray[np.float64]:
        """Return mean losses, (epochs, networks), without the padding of the last batch."""
        each = losses.reshape(len(losses), len(self._task.problems), -1)
        return each[..., : len(self._task.problem.X)].mean(axis=2, dtype=np.float64)

    def outcome(self) -> Outcome:
        problems, tensors = self._task.problems, self._state[0]
        names = [slot.name for slot in self._task.problem.network.layout.slots]
        arrays = [np.asarray(tensors[name]) for name in names]
        of_each = [arrays] if len(problems) == 1 else zip(*arrays, strict=True)
        pairs = zip(problems, of_each, strict=True)
        values = np.array([each.flat(own) for each, own in pairs])
        return Outcome(self._losses.T, values)


def inputs_of_epochs(problem: TrainingProblem) -> list[Any]:
    """Return the backend's inputs for all steps of each epoch, arrays of NumPy."""
    from samplewise_jax import backend

    program, state, rows = backend.compile(*_parts(problem)), fresh_state(problem), len(problem.X)
    steps = Steps(np.arange(rows), 0, rows, problem.batch_size, problem.learning_rate)
    found = []
    for _ in range(problem.epochs):
        inputs = program.inputs(state, steps)
        window = inputs.window
        # Without the steps that are padding.
        window = window._replace(
            rows=window.rows[: steps.count],
            scales=window.scales[: steps.count],
            numbers={name: each[: steps.count] for name, each in window.numbers.items()},
            steps=None,
        )
        found.append(inputs._replace(window=window))
        state.step += steps.count
    return found


def changing_numbers(epochs: Sequence[Any]) -> list[dict[str, NDArray[Any]]]:
    """Return the numbers of each epoch's steps by name, only those that change between epochs."""
    every = [inputs.window.numbers for inputs in epochs]
    first, last = every[0], every[-1]
    names = [name for name in first if (first[name] != last[name]).any()]
    return [{name: numbers[name] for name in names} for numbers in every]


def epoch_of(task: Task, inputs: Any) -> Any:
    """Return the function (state, X, Y, numbers) -> state after an epoch, and losses (S, B).

    Args:
        task: its networks have one more axis in front, where there are several.
        inputs: of the first epoch. What stays the same of them becomes part of the code; `numbers`
            are the others. The state, tensors and slots, is donated.
    """
    import jax
    from jax import numpy as jnp

    from samplewise_jax.compiled import steps_of
    from samplewise_jax.optimizers import Rule
    from samplewise_jax.options import compiler_options
    from samplewise_jax.passes import Passes

    problem, rule = task.problem, Rule.of(task.problem.optimizer)
    steps = steps_of(Passes(problem.network, problem.loss), rule)

    def epoch(state: Any, X: Any, Y: Any, numbers: Any) -> Any:
        tensors, slots = state
        window = jax.tree.map(jnp.asarray, inputs.window)
        window = window._replace(numbers={**window.numbers, **numbers})
        found = steps(X, Y, inputs._replace(trained=tensors, slots=slots, window=window))
        return (found.tensors, found.slots), found.losses

    if len(task.problems) > 1:
        epoch = jax.vmap(epoch, in_axes=(0, None, None, None))
    options = compiler_options(problem.network, "cpu", rule.variant)
    return jax.jit(epoch, donate_argnums=0, compiler_options=options)


def prediction(task: Task) -> Calls:
    """Return calls of a compiled function for one row, each awaited; it gives logits."""
    import jax

    from samplewise_jax.options import compiler_options
    from samplewise_jax.passes import Passes

    problem = task.problem
    tensors = problem.network.layout.views(problem.parameters)
    on_device = jax.device_put((tensors, problem.X[:1]))
    options = compiler_options(problem.network, "cpu")
    began = time.perf_counter()
    logits = jax.jit(Passes(problem.network, problem.loss).logits, compiler_options=options)
    compiled = logits.lower(*on_device).compile()
    compile_s = time.perf_counter() - began
    call = lambda: compiled(*on_device).block_until_ready()  # noqa: E731 - what is timed
    return Calls(task, call, logits=True, compile_s=compile_s)
