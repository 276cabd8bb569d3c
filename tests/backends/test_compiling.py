"""Routines are compiled to objects here, whatever an earlier process kept."""

import pytest

from samplewise_backends.numba_cpu.build import all_routines
from samplewise_backends.numba_cpu.compile import library
from samplewise_backends.numba_cpu.compile.compiler import compile_routine

# Matrix products, vectors, formulas, and threads that meet: most of the language of kernels.
NAMES = ("activations.activate_called", "products.repeat_product", "shared.run_shared")
ROUTINES = {routine.name.removeprefix("kernels."): routine for routine in all_routines()}


@pytest.mark.parametrize("name", NAMES)
def test_an_object_defines_its_symbol_and_names_what_it_needs(name):
    symbol = library.symbol_of(ROUTINES[name], "float32")
    compiled = compile_routine(ROUTINES[name], "float32", symbol)
    assert compiled.code.startswith(b"\x7fELF")
    assert symbol.encode() in compiled.code
    assert all(needed.encode() in compiled.code for needed in compiled.needs)
