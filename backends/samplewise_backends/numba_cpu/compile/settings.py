"""Settings of numba and of ours that decide how kernels come about, read without numba.

numba takes its settings from the environment and from a file, when it is imported. Where neither
holds one, and numba is not loaded, the values below are what it would have.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from samplewise.errors import ParameterError

# numba's settings that change the compiled code, and their values where nobody sets them.
CODE_SETTINGS: dict[str, str] = {
    "OPT": "_OptLevel(3)",
    "LOOP_VECTORIZE": "1",
    "SLP_VECTORIZE": "0",
    "DISABLE_INTEL_SVML": "False",
    "LLVM_REFPRUNE_FLAGS": "all",
    "BOUNDSCHECK": "None",
    "DEBUGINFO_DEFAULT": "0",
    "EXTEND_VARIABLE_LIFETIMES": "0",
    "ENABLE_PROFILING": "0",
    "CPU_NAME": "None",
    "CPU_FEATURES": "None",
}
_VARIABLES = [f"NUMBA_{name}" for name in CODE_SETTINGS]
_FILE = ".numba_config.yaml"
KERNELS = "SAMPLEWISE_KERNELS"
"""The environment variable that says where kernels come from: "auto" or "jit"."""


def _numba_config(variables: Iterable[str]) -> Any:
    """Return numba's settings, or None where these have their defaults."""
    if "numba.core.config" not in sys.modules:
        is_set = any(name in os.environ for name in variables)
        if not is_set and not os.access(_FILE, os.F_OK):
            return None
    import numba

    return numba.config


def code_settings() -> dict[str, str]:
    """Return numba's settings that change the compiled code, as text."""
    config = _numba_config(_VARIABLES)
    found = dict(CODE_SETTINGS)
    if config is not None:
        found = {name: str(getattr(config, name, None)) for name in CODE_SETTINGS}
    # Its default follows from the processor, which is another part of the key.
    return {**found, "ENABLE_AVX": os.environ.get("NUMBA_ENABLE_AVX", "")}


def are_defaults() -> bool:
    """Return True if none of these settings is changed, but for the processor's name."""
    named = {name: CODE_SETTINGS[name] for name in ("CPU_NAME", "CPU_FEATURES")}
    return {**code_settings(), **named} == {**CODE_SETTINGS, "ENABLE_AVX": ""}


def compiles_nothing() -> bool:
    """Return True if numba's settings leave Python functions as they are."""
    # Asked for each routine of a program: one variable is looked up in 1 us, all of them in 10.
    config = _numba_config(["NUMBA_DISABLE_JIT"])
    return config is not None and bool(config.DISABLE_JIT)


def compiles_in_memory() -> bool:
    """Return True if this process compiles every kernel itself, and neither loads nor keeps any.

    Raises:
        ParameterError: the environment variable has another value.
    """
    value = os.environ.get(KERNELS) or "auto"
    if value not in ("auto", "jit"):
        raise ParameterError(f"{KERNELS}: must be auto or jit, got {value!r}; change or unset it")
    return value == "jit"
