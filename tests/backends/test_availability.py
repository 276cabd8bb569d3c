"""Kernels are tried before a run relies on them; where they do not run, the reason is told."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from samplewise import registry
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, loss_named, multilayer_perceptron
from samplewise_backends.numba_cpu import availability

# All ways to take each of the first layer's products, as checked code.
PRODUCTS = """
import itertools
import numpy as np
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels import products
from samplewise_backends.numba_cpu.plans.routines import describe_product
rows, units, inner, ld = 5, 6, 7, 16
rng = np.random.default_rng(0)
X, W, z = (rng.standard_normal(shape) for shape in ((rows, inner), (units, inner), (rows, ld)))
call = Call(products.first_product, "float64")
describe_product(call, 1)
for product, way in itertools.product((products.VALUES, products.UPDATE), range(3)):
    A, B, C = X.copy(), W.copy(), z.copy()
    call.set(product=product, way=way, rows=rows, units=units, inner=inner, a=A, b=B, z=C, ld=ld)
    call()
    if product == products.VALUES:
        np.testing.assert_allclose(C[:, :units], X @ W.T, rtol=1e-12)
    else:
        np.testing.assert_allclose(B, W + z[:, :units].T @ X, rtol=1e-12)
"""


@pytest.fixture
def fresh_registry():
    registry.refresh()
    yield
    registry.refresh()


def resolve(name):
    network, loss = multilayer_perceptron(3, (2,), 1), loss_named("binary_cross_entropy")
    return registry.resolve(name, network, loss, SGD(), np.dtype("float64"))


def raises(*_):
    raise RuntimeError("\x1b[31mno such\n  instruction")


def warns(*_):
    # As the filter "error" does.
    raise RuntimeWarning("kernels are\n not kept")


OFF = f"a kernel that numba {numba.__version__} compiled here is off by"
FAULTS = {
    "switched off": (
        (numba.config, "DISABLE_JIT", 1),
        "NUMBA_DISABLE_JIT is set, so nothing is compiled; unset it",
    ),
    "cannot compile": (
        (availability, "run_trial", raises),
        f"numba {numba.__version__} compiles no kernel here: RuntimeError: ",
    ),
    "a warning is an error": (
        (availability, "run_trial", warns),
        "a warning is an error in this process: kernels are not kept",
    ),
    "wrong code": (
        (availability, "run_trial", lambda *given: given[-1].fill(1.0)),
        f"{OFF} 0.",
    ),
    "writes nothing": ((availability, "run_trial", lambda *_: None), f"{OFF} nan"),
}


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize("fault", FAULTS)
def test_where_kernels_do_not_run_auto_goes_on_and_says_why(monkeypatch, fault):
    change, reason = FAULTS[fault]
    monkeypatch.setattr(*change)
    choice = resolve("auto")
    assert choice.backend.name == "vectorized"
    assert f"backend 'numba_cpu' of samplewise is unavailable: {reason}" in choice.reason
    (row,) = (row for row in registry.listings() if row.name == "numba_cpu")
    assert not row.available
    assert reason in row.reason
    assert row.reason.isprintable()
    with pytest.raises(UnavailableBackendError, match="available: (jax, )?reference, vectorized"):
        resolve("numba_cpu")


@pytest.mark.usefixtures("fresh_registry")
def test_kernels_are_tried_once_a_process(monkeypatch):
    tried, error = [], availability._error_of_trial
    monkeypatch.setattr(availability, "_error_of_trial", lambda: tried.append(1) or error())
    for _ in range(3):
        assert resolve("auto").backend.name == "numba_cpu"
    assert all(row.available for row in registry.listings())
    assert tried == [1]


def test_products_stay_within_their_arrays(tmp_path):
    """As numba's own check says; a failed one would print a traceback and leave the product."""
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTS],
        env={"NUMBA_BOUNDSCHECK": "1", "SAMPLEWISE_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


NO_LLVMLITE = "import sys; sys.modules['llvmlite'] = None"
WHY = "from samplewise_backends.numba_cpu import availability as a; print(a.why_unavailable())"


@pytest.mark.parametrize(
    ("code", "variable", "reason"),
    [
        (NO_LLVMLITE, ("SAMPLEWISE_KERNELS", "auto"), "No module named 'llvmlite"),
        # numba is imported for its settings, where there are any.
        (NO_LLVMLITE, ("NUMBA_CPU_NAME", "generic"), "No module named 'llvmlite"),
        ("", ("SAMPLEWISE_KERNELS", "none"), "SAMPLEWISE_KERNELS: must be auto or jit, got 'none'"),
    ],
)
def test_without_llvmlite_or_with_a_wrong_setting_it_says_so(code, variable, reason):
    environment = {**os.environ, **dict([variable])}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{WHY}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert reason in done.stdout
