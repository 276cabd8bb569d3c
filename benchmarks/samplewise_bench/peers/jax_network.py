"""A network, its loss and its update rule as functions of JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samplewise.network import SGD, Adam, Conv2D, MaxPool2D, Network, Optimizer


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
            match layer:
                case MaxPool2D():
                    x = _pooled(x, layer)
                case Conv2D():
                    weight, bias = next(left), next(left)
                    strides = (layer.stride, layer.stride)
                    convolved = jax.lax.conv(x, weight, strides, layer.padding.upper())
                    x = activations[layer.activation](convolved + bias[:, None, None])
                case _:
                    weight, bias = next(left), next(left)
                    x = x.reshape(len(x), -1) if x.ndim > 2 else x
                    z = weight @ x if x.ndim == 1 else x @ weight.T
                    x = activations[layer.activation](z + bias)
        return x

    return logits


def _pooled(x: Any, layer: MaxPool2D) -> Any:
    import jax
    from jax import numpy as jnp

    window, strides = (1, 1, *layer.size), (1, 1, layer.step, layer.step)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "VALID")


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

    zeros = [jnp.zeros_like(array) for array in arrays]
    if isinstance(rule, Adam):
        return zeros, [jnp.zeros_like(array) for array in arrays], jnp.zeros(())
    return zeros if rule.slots else []


def update_of(rule: Optimizer, rate: float) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    """Return the function (arrays, state, gradients) -> updated arrays and state."""
    if isinstance(rule, Adam):
        return _adam(rule, rate)
    assert isinstance(rule, SGD)
    return _sgd(rule, rate)


def _adam(rule: Adam, rate: float) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    from jax import numpy as jnp

    def update(arrays: Any, state: Any, gradients: Any) -> tuple[Any, Any]:
        means, squares, t = state
        t += 1
        means = [
            rule.beta1 * m + (1 - rule.beta1) * g for m, g in zip(means, gradients, strict=True)
        ]
        squares = [
            rule.beta2 * v + (1 - rule.beta2) * g * g
            for v, g in zip(squares, gradients, strict=True)
        ]
        step, root = rate / (1 - rule.beta1**t), 1 / jnp.sqrt(1 - rule.beta2**t)
        moved = [
            a - step * m / (jnp.sqrt(v) * root + rule.epsilon)
            for a, m, v in zip(arrays, means, squares, strict=True)
        ]
        return moved, (means, squares, t)

    return update


def _sgd(rule: SGD, rate: float) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    def update(arrays: Any, velocities: Any, gradients: Any) -> tuple[Any, Any]:
        if rule.l2:
            # Weights come first in each pair; biases are not penalised.
            gradients = [
                g + rule.l2 * a if index % 2 == 0 else g
                for index, (a, g) in enumerate(zip(arrays, gradients, strict=True))
            ]
        steps = gradients
        if rule.momentum:
            pairs = zip(velocities, gradients, strict=True)
            velocities = [rule.momentum * v + g for v, g in pairs]
            steps = velocities
        if rule.nesterov:
            pairs = zip(gradients, velocities, strict=True)
            steps = [g + rule.momentum * v for g, v in pairs]
        return [a - rate * s for a, s in zip(arrays, steps, strict=True)], velocities

    return update
