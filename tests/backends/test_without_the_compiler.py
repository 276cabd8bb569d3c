"""Kernels are declared, and run in Python, where no compiler is loaded."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from samplewise_backends.numba_cpu.compile import key, views
from samplewise_backends.numba_cpu.compile.blas import gemm_address, gemm_nn, gemm_nt, gemm_tn

BACKEND = Path(key.__file__).parents[1]
STANDARD_LIBRARY = set(sys.stdlib_module_names)
# They are imported where something is compiled.
COMPILER = (
    "compiler",
    "convention",
    "language",
    "lowering",
    "lowering_blas",
    "lowering_formulas",
    "lowering_loops",
    "lowering_meeting",
    "lowering_vectors",
    "lowering_views",
    "target",
)
IMPORT_ALL = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*sys.modules.keys() & {"numba", "llvmlite", "scipy", "sklearn", "pandas"})
"""


def modules():
    for path in sorted(BACKEND.rglob("*.py")):
        if path.stem not in COMPILER and path.stem != "__init__":
            inner = path.relative_to(BACKEND.parents[1]).with_suffix("")
            yield ".".join(inner.parts)


def test_no_module_of_the_backend_loads_a_compiler():
    found = list(modules())
    assert "samplewise_backends.numba_cpu.kernels.elementary" in found
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *found],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == []


def test_the_key_sees_every_module_of_the_engine_that_kernels_read():
    """A constant of the engine is a part of the machine code that uses it."""
    frozen = {module.__name__ for module in key.FROZEN}
    for path in (BACKEND / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.module.startswith("samplewise_b"):
                is_known = node.module in frozen or node.module.split(".")[0] in STANDARD_LIBRARY
                assert is_known, f"{path.name}: add {node.module} to key.FROZEN"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("product", "shape_a", "shape_b", "turned"),
    [
        (gemm_nt, (2, 3), (4, 3), lambda a, b: a @ b.T),
        (gemm_tn, (3, 2), (3, 4), lambda a, b: a.T @ b),
        (gemm_nn, (2, 3), (3, 4), lambda a, b: a @ b),
    ],
)
def test_products_of_blas_in_python(dtype, product, shape_a, shape_b, turned):
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal(s).astype(dtype) for s in (shape_a, shape_b, (2, 4)))
    expected = 2 * turned(a, b) + c
    address, inner = np.int64(gemm_address(dtype)), np.int64(3)
    product(address, 2, 4, inner, 2, a, a.shape[1], b, b.shape[1], 1, c, 4)
    np.testing.assert_allclose(c, expected, rtol=1e-6)


def test_blas_is_the_library_that_scipy_loads():
    """Two copies would each have threads of their own, and one of them no limit."""
    scipy_blas = """
import ctypes, sys
from samplewise_backends.numba_cpu.compile.blas import gemm_address, _bundled_library
own = gemm_address("float64")
import scipy.linalg.cython_blas
maps = {line.split()[-1] for line in open("/proc/self/maps") if "scipy.libs/libscipy" in line}
assert _bundled_library() is None or len(maps) == 1, maps
"""
    subprocess.run([sys.executable, "-c", scipy_blas], check=True, timeout=120)


def test_views_share_memory():
    matrix = np.arange(12.0).reshape(3, 4)
    for view, size in (
        (views.part(matrix, 2, 5), 5),
        (views.row(matrix, 1), 4),
        (views.vector_at(matrix.ctypes.data, 7, matrix), 7),
        (views.matrix_at(matrix.ctypes.data, 2, 4, matrix[0, 0]), 8),
    ):
        assert view.size == size
        assert np.shares_memory(view, matrix)
    assert views.vector_at(0, 0, matrix).size == 0
    assert views.real(np.float64(2.5).view(np.int64)) == 2.5
