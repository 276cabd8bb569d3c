"""The device that computes, and JAX's settings for as long as it does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from samplewise.errors import UnavailableBackendError
from samplewise_jax.lazy import jax, jnp, lax

CPU = "cpu"
ENVIRONMENT_VARIABLE = "SAMPLEWISE_JAX_DEVICE"
OLDEST_JAX = (0, 10, 2)
# A device that rounds the factors of a float32 product is 1e-3 off, a right one 1e-7.
LARGEST_ERROR = 1e-5
_NO_MEMORY = "RESOURCE_EXHAUSTED"
_TEXT = re.compile(r"([a-z]+)(?::([0-9]{1,4}))?")


@contextmanager
def in_use(text: str = "") -> Iterator[Any]:
    """Compute on a device, with float64; JAX's settings are as before afterwards.

    Raises:
        UnavailableBackendError: the memory of the device is used up.
    """
    device = chosen(text)
    try:
        with jax.enable_x64(True), jax.default_device(device):
            yield device
    except jax.errors.JaxRuntimeError as error:
        if _NO_MEMORY not in str(error):
            raise
        raise UnavailableBackendError(
            f"backend 'jax': the memory of device {name(device)} is used up ({_line(error)}); use "
            "a smaller batch_size or network, less data, or another device"
        ) from error


@cache
def chosen(text: str = "") -> Any:
    """Return a device of JAX.

    Args:
        text: platform and number, such as "gpu:0"; "" takes the one that SAMPLEWISE_JAX_DEVICE
            names, or that JAX takes by itself.

    Raises:
        ValueError: it is not a device, or not here; the message says what is.
    """
    where = "" if text else f"{ENVIRONMENT_VARIABLE}: "
    text = text or os.environ.get(ENVIRONMENT_VARIABLE, "")
    if not text:
        return jax.devices()[0]
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{where}not a device, got {text!r}; use a platform and its number, such as cpu or "
            "gpu:0"
        )
    try:
        devices = jax.devices(found[1])
    except RuntimeError:
        devices = []
    number = int(found[2] or 0)
    if number >= len(devices):
        raise ValueError(
            f"{where}no such device here, got {text!r}; JAX finds {', '.join(map(name, _found()))}"
        )
    return devices[number]


def _found() -> list[Any]:
    """Return all devices, the processor too where JAX would take another one."""
    found = jax.devices()
    return found if found[0].platform == CPU else [*found, *jax.devices(CPU)]


def name(device: Any) -> str:
    """Return platform and number, such as "gpu:0"."""
    return f"{device.platform}:{device.id}"


def deterministic(device: Any) -> bool:
    """Return True if the same call gives the same bits, which is known of processors only."""
    return bool(device.platform == CPU)


def unavailable(text: str = "") -> str | None:
    """Return why nothing can be computed on a device, in one line, or None.

    It compiles a small product.
    """
    oldest = ".".join(map(str, OLDEST_JAX))
    try:
        found = version("jax")
        if tuple(map(int, re.findall("[0-9]+", found)[:3])) < OLDEST_JAX:
            return f"JAX {found} is too old; install jax {oldest} or newer"
        with in_use(text) as device:
            return _imprecise(device)
    except ImportError as error:
        return f"JAX cannot be imported ({_line(error)}); install jax {oldest} or newer"
    except (ValueError, RuntimeError) as error:
        return _line(error)


def _imprecise(device: Any) -> str | None:
    """Return the error of a float32 product where it is too large, else None."""
    A, B = np.sin(np.arange(2048.0)).reshape(2, 32, 32)
    product = jnp.dot(A.astype("float32"), B.astype("float32"), precision=lax.Precision.HIGHEST)
    error = float(np.abs(np.asarray(product) - A @ B).max() / np.abs(A @ B).max())
    if error <= LARGEST_ERROR:
        return None
    return (
        f"device {name(device)} multiplies float32 with a relative error of {error:.1g}, above "
        f"{LARGEST_ERROR:g}; choose another one"
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
