"""A trial of a small kernel: whether kernels run on this machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samplewise.errors import raised_by_signal_handler
from samplewise_backends.numba_cpu.compile.blas import gemm_address
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.key import versions
from samplewise_backends.numba_cpu.compile.settings import compiles_nothing
from samplewise_backends.numba_cpu.kernels.trial import SIDE, trial, trial_product


def why_unavailable() -> str | None:
    """Return why kernels cannot run here, in one line, or None if a small one was right.

    It is kept on disk as all kernels are: loading takes milliseconds, compiling about a second.
    """
    try:
        if compiles_nothing():
            return "NUMBA_DISABLE_JIT is set, so nothing is compiled; unset it"
        error = _error_of_trial()
    except Warning as raised:
        # Python raises those that a filter has made errors; nothing else is wrong here.
        return f"a warning is an error in this process: {_in_one_line(raised)}"
    except Exception as raised:
        # Else numba and LLVM may raise anything.
        if raised_by_signal_handler(raised):
            raise
        text = _in_one_line(raised)
        why = type(raised).__name__ + (f": {text}" if text else "")
        if isinstance(raised, MemoryError):
            why = "not enough memory"
        return f"numba {versions()['numba']} compiles no kernel here: {why}"
    # Of numbers near 1; the kernel's exp is within 4 units in the last place.
    if error < 16 * np.finfo(np.float64).eps:
        return None
    return f"a kernel that numba {versions()['numba']} compiled here is off by {error:.2g}"


def _in_one_line(raised: BaseException) -> str:
    return " ".join(str(raised).split())


def _error_of_trial() -> float:
    """Return the error of a small kernel; NaN where it wrote NaN."""
    A, B = np.array([[0.25, -0.5], [1.0, 0.125]]), np.array([[0.5, 0.75], [-1.0, 0.25]])
    found = np.full((SIDE, SIDE), np.nan)
    run_trial(A, B, found)
    return float(np.abs(found - np.exp(A @ B.T)).max())


def run_trial(A: NDArray[np.float64], B: NDArray[np.float64], C: NDArray[np.float64]) -> None:
    """Write C <- exp(A B^T), by compiled code."""
    call = Call(trial, "float64")
    call.set(gemm=gemm_address("float64"), A=A, B=B, C=C, product=trial_product)
    call()
