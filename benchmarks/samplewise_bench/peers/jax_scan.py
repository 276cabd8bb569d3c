"""JAX: `jit` of a `lax.scan` over the steps of an epoch, the weights donated.

This is the fastest form that was tried: a batch of one row as a vector (a batch axis
of length 1 took 4 times as long), weights laid out (O, I), and for several networks `vmap` of the
whole scan (a scan over `vmap` took 1.3 times as long). A hand-written gradient was no faster, an
unrolled scan 10 % faster on one workload and 9 times slower on another.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from samplewise_bench.peers.jax_network import logits_of, loss_of, state_of, update_of
from samplewise_bench.peers.task import (
    CONVOLUTIONAL,
    SGD_FAMILY,
    Calls,
    NotApplicableError,
    Outcome,
    Runner,
    Task,
    flat,
    only,
    probabilities,
    tensors,
)

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
SCAN, VMAP, JIT = "jit(scan)", "jit(vmap(scan))", "jit"


install = "pip install jax==0.10.2"


def load(cores: int) -> str:
    """Import jax, which reads its flags then and never again."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    if cores == 1:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()
    import jax
    import jax.numpy

    jax.numpy.zeros(1).block_until_ready()
    return str(jax.__version__)


def ways(task: Task) -> Sequence[str]:
    """Return the one way that fits."""
    only(task, "JAX", CONVOLUTIONAL, (*SGD_FAMILY, "adam"))
    problem = task.problem
    if len(problem.X) % problem.batch_size:
        raise NotApplicableError("lax.scan takes batches of one size, and the last is shorter")
    if any(_kind(other) != _kind(problem) for other in task.problems):
        raise NotApplicableError("vmap takes networks of one shape and rule")
    if task.calls:
        return [JIT]
    return [SCAN] if len(task.problems) == 1 else [VMAP]


def prepare(task: Task, way: str) -> Runner:
    """Compile."""
    return prediction(task) if task.calls else JaxTraining(task)


def _kind(problem: Any) -> tuple[Any, ...]:
    return problem.network, problem.optimizer, problem.learning_rate


def epoch_of(task: Task) -> Callable[[Any, Any, Any], Any]:
    """Return the function (carry, X, Y) -> carry after an epoch and the losses of its steps."""
    import jax
    from jax import lax

    problem = task.problem
    gradient = jax.value_and_grad(loss_of(problem.network))
    update = update_of(problem.optimizer, problem.learning_rate)

    def step(carry: Any, batch: Any) -> Any:
        arrays, state = carry
        loss, gradients = gradient(arrays, *batch)
        return update(arrays, state, gradients), loss

    def epoch(carry: Any, X: Any, Y: Any) -> Any:
        return lax.scan(step, carry, (X, Y))

    return epoch if len(task.problems) == 1 else jax.vmap(epoch, in_axes=(0, None, None))


class JaxTraining(Runner):
    """All epochs, one compiled call each; the losses are fetched at the end."""

    def __init__(self, task: Task) -> None:
        import jax
        from jax import numpy as jnp

        self._task, problem = task, task.problem
        X, Y, shape = problem.X, problem.Y, problem.network.input_shape
        if problem.batch_size > 1 or len(shape) > 1:
            X = X.reshape(-1, problem.batch_size, *shape)
            Y = Y.reshape(-1, problem.batch_size, Y.shape[1])
        self._X, self._Y = jnp.asarray(X), jnp.asarray(Y)
        self._initial = [np.stack(same) for same in zip(*map(tensors, task.problems), strict=True)]
        if len(task.problems) == 1:
            self._initial = [array[0] for array in self._initial]
        self.reset()
        began = time.perf_counter()
        jitted = jax.jit(epoch_of(task), donate_argnums=0)
        self._epoch = jitted.lower(self._carry, self._X, self._Y).compile()
        self.compile_s = time.perf_counter() - began

    def reset(self) -> None:
        import jax
        from jax import numpy as jnp

        # Copied: a donated buffer that shares memory with NumPy would be written to.
        arrays = [jnp.array(array, copy=True) for array in self._initial]
        state = state_of(self._task.problem.optimizer, arrays)
        if len(self._task.problems) > 1 and isinstance(state, tuple):
            raise NotApplicableError("vmap is used without Adam")
        self._carry: Any = jax.block_until_ready((arrays, state))

    def run(self) -> None:
        losses = []
        for _ in range(self._task.problem.epochs):
            self._carry, of_steps = self._epoch(self._carry, self._X, self._Y)
            losses.append(of_steps)
        self._losses = [np.asarray(of_steps).mean(axis=-1, dtype=np.float64) for of_steps in losses]
        for array in self._carry[0]:
            array.block_until_ready()

    def outcome(self) -> Outcome:
        problems = self._task.problems
        losses = np.array(self._losses).reshape(-1, len(problems)).T
        arrays = [np.asarray(array) for array in self._carry[0]]
        if len(problems) == 1:
            arrays = [array[None] for array in arrays]
        each = [[array[index] for array in arrays] for index in range(len(problems))]
        values = [flat(problem, own) for problem, own in zip(problems, each, strict=True)]
        return Outcome(losses, np.array(values))


def prediction(task: Task) -> Calls:
    """Return calls of a compiled function for one row, each awaited; it gives logits."""
    import jax
    from jax import numpy as jnp

    arrays = [jnp.asarray(array) for array in tensors(task.problem)]
    shape = task.problem.network.input_shape
    one = task.problem.X[0] if len(shape) == 1 else task.problem.X[:1].reshape(1, *shape)
    row = jnp.asarray(one)
    began = time.perf_counter()
    logits = jax.jit(logits_of(task.problem.network)).lower(arrays, row).compile()
    compile_s = time.perf_counter() - began
    shown = partial(probabilities, task.problem)
    return Calls(task, lambda: logits(arrays, row).block_until_ready(), shown, compile_s)
