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
from typing import Any

import numpy as np

from samplewise.network import SGD, Adam, Conv2D, MaxPool2D, Network, Optimizer
from samplewise_bench.peers import task as tasks
from samplewise_bench.peers.task import Calls, NotApplicableError, Outcome, Runner, Task
from samplewise_bench.problems import TrainingProblem

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
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
    task.require("JAX", tasks.CONVOLUTIONAL, (*tasks.SGD_FAMILY, "adam"), several=True)
    problem, several = task.problem, len(task.problems) > 1
    if len(problem.X) % problem.batch_size:
        raise NotApplicableError("lax.scan takes batches of one size, and the last is shorter")
    if any(_kind(other) != _kind(problem) for other in task.problems):
        raise NotApplicableError("vmap takes networks of one shape and rule")
    if several and isinstance(problem.optimizer, Adam):
        raise NotApplicableError("vmap is used without Adam")
    return ["jit" if task.calls else "jit(vmap(scan))" if several else "jit(scan)"]


def prepare(task: Task, way: str) -> Runner:
    """Compile."""
    return prediction(task) if task.calls else JaxTraining(task)


def _kind(problem: TrainingProblem) -> tuple[Any, ...]:
    return problem.network, problem.optimizer, problem.learning_rate


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
        each = [other.tensors() for other in task.problems]
        self._initial = [np.stack(same) for same in zip(*each, strict=True)]
        if len(each) == 1:
            self._initial = each[0]
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
        pairs = zip(problems, zip(*arrays, strict=True), strict=True)
        return Outcome(losses, np.array([problem.flat(own) for problem, own in pairs]))


def prediction(task: Task) -> Calls:
    """Return calls of a compiled function for one row, each awaited; it gives logits."""
    import jax
    from jax import numpy as jnp

    arrays = [jnp.asarray(array) for array in task.problem.tensors()]
    shape = task.problem.network.input_shape
    one = task.problem.X[0] if len(shape) == 1 else task.problem.X[:1].reshape(1, *shape)
    row = jnp.asarray(one)
    began = time.perf_counter()
    logits = jax.jit(logits_of(task.problem.network)).lower(arrays, row).compile()
    compile_s = time.perf_counter() - began
    call = lambda: logits(arrays, row).block_until_ready()  # noqa: E731 - what is timed
    return Calls(task, call, logits=True, compile_s=compile_s)


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


def logits_of(network: Network) -> Callable[[Any, Any], Any]:
    """Return the function (arrays, x) -> logits, with x a row (I,) or a batch (B, I)."""
    import jax
    from jax import numpy as jnp

    activations: dict[str, Callable[[Any], Any]] = {
        "identity": lambda z: z,
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "relu": jax.nn.relu,
    }

    def logits(arrays: Any, x: Any) -> Any:
        left = iter(arrays)
        for layer in network.layers:
            if isinstance(layer, MaxPool2D):
                window, strides = (1, 1, *layer.size), (1, 1, layer.step, layer.step)
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "VALID")
                continue
            weight, bias = next(left), next(left)
            if isinstance(layer, Conv2D):
                stride = (layer.stride, layer.stride)
                z = jax.lax.conv(x, weight, stride, layer.padding.upper()) + bias[:, None, None]
            else:
                x = x.reshape(len(x), -1) if x.ndim > 2 else x
                z = (weight @ x if x.ndim == 1 else x @ weight.T) + bias
            x = activations[layer.activation](z)
        return x

    return logits


def loss_of(network: Network) -> Callable[[Any, Any, Any], Any]:
    """Return the function (arrays, x, y) -> mean loss of a row or batch."""
    import jax
    from jax import numpy as jnp

    logits = logits_of(network)

    def binary(z: Any, y: Any) -> Any:
        return jnp.sum(jnp.maximum(z, 0) - y * z + jnp.log1p(jnp.exp(-jnp.abs(z))), axis=-1)

    def categorical(z: Any, y: Any) -> Any:
        return jax.nn.logsumexp(z, axis=-1) - jnp.sum(y * z, axis=-1)

    per_row = binary if network.outputs == 1 else categorical
    return lambda arrays, x, y: jnp.mean(per_row(logits(arrays, x), y))


def state_of(rule: Optimizer, arrays: Any) -> Any:
    """Return the state of a rule before the first step, as `update_of` takes it."""
    from jax import numpy as jnp

    zeros = [[jnp.zeros_like(array) for array in arrays] for _ in range(rule.slots)]
    if isinstance(rule, Adam):
        return *zeros, jnp.zeros(())
    return zeros[0] if zeros else []


def update_of(rule: Optimizer, rate: float) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    """Return the function (arrays, state, gradients) -> updated arrays and state."""
    from jax import numpy as jnp
    from jax.tree import map as of_each

    def adam(arrays: Any, state: Any, gradients: Any) -> tuple[Any, Any]:
        assert isinstance(rule, Adam)
        beta1, beta2, epsilon = rule.beta1, rule.beta2, rule.epsilon
        means, squares, t = state
        t += 1
        means = of_each(lambda m, g: beta1 * m + (1 - beta1) * g, means, gradients)
        squares = of_each(lambda v, g: beta2 * v + (1 - beta2) * g * g, squares, gradients)
        step, root = rate / (1 - beta1**t), 1 / jnp.sqrt(1 - beta2**t)

        def moved(a: Any, m: Any, v: Any) -> Any:
            return a - step * m / (jnp.sqrt(v) * root + epsilon)

        return of_each(moved, arrays, means, squares), (means, squares, t)

    def sgd(arrays: Any, velocities: Any, gradients: Any) -> tuple[Any, Any]:
        assert isinstance(rule, SGD)
        momentum, l2 = rule.momentum, rule.l2
        if l2:
            # Weights come first in each pair; biases are not penalised.
            pairs = zip(gradients, arrays, strict=True)
            gradients = [g if k % 2 else g + l2 * a for k, (g, a) in enumerate(pairs)]
        steps = gradients
        if momentum:
            velocities = of_each(lambda v, g: momentum * v + g, velocities, gradients)
            steps = velocities
        if rule.nesterov:
            steps = of_each(lambda g, v: g + momentum * v, gradients, velocities)
        return of_each(lambda a, s: a - rate * s, arrays, steps), velocities

    return adam if isinstance(rule, Adam) else sgd
