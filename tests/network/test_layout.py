"""All parameters lie in one aligned vector, and named views show them."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplewise.network import (
    ParameterLayout,
    aligned_empty,
    aligned_zeros,
    layout,
    multilayer_perceptron,
)
from samplewise.network.layout import ALIGNMENT_BYTES, MOST_KEPT_BYTES


@given(size=st.integers(1, 200), dtype=st.sampled_from(["float32", "float64"]))
def test_a_vector_starts_on_a_cache_line(size, dtype):
    vector = aligned_zeros(size, dtype)
    assert vector.shape == (size,)
    assert vector.dtype == dtype
    assert vector.ctypes.data % 64 == 0
    assert not vector.any()


@given(
    shapes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_views_do_not_overlap_and_each_is_aligned(shapes, dtype):
    layout = ParameterLayout.of({str(k): shape for k, shape in enumerate(shapes)})
    vector = layout.zeros(dtype)
    for k, view in enumerate(layout.views(vector).values()):
        assert view.ctypes.data % 64 == 0
        view += k + 1
    for k, view in enumerate(layout.views(vector).values()):
        assert (view == k + 1).all()
    assert np.count_nonzero(vector) == layout.parameters


def test_writing_to_a_view_writes_to_the_vector():
    layout = multilayer_perceptron(3, (2,), 1).layout
    vector = layout.zeros("float64")
    layout.views(vector)["1.bias"][0] = 7.0
    assert vector[layout.slots[3].offset] == 7.0


def test_gaps_are_not_counted_as_parameters():
    layout = multilayer_perceptron(3, (2,), 1).layout
    assert layout.parameters == 3 * 2 + 2 + 2 + 1
    assert layout.size == 4 * 16


def test_a_vector_too_short_is_refused():
    layout = multilayer_perceptron(3, (2,), 1).layout
    with pytest.raises(ValueError, match="reshape"):
        layout.views(np.zeros(10))


@pytest.fixture
def nothing_kept():
    layout._free.clear()
    yield
    layout._free.clear()


def test_memory_is_taken_again_once_no_array_refers_to_it(nothing_kept):
    first = aligned_empty((6000, 100), "float64")
    place = first.ctypes.data
    part = first[10:20]
    del first
    # A part of the array still refers to it.
    second = aligned_empty((6000, 100), "float64")
    assert second.ctypes.data != place
    part[...] = 1
    second.fill(2)
    assert (part == 1).all()
    del part
    third = aligned_empty((5999, 200), "float32")
    assert third.ctypes.data == place
    assert third.ctypes.data % ALIGNMENT_BYTES == 0


@pytest.mark.parametrize("rows", [6000, 15000])
def test_memory_of_another_size_is_left(nothing_kept, rows):
    aligned_empty((13000, 100), "float64")
    (before,) = layout._free
    found = aligned_empty((rows, 100), "float64")
    assert not np.shares_memory(found, before)
    assert layout._free == [before]


def test_not_more_than_so_much_memory_is_kept_and_no_larger_piece(nothing_kept):
    arrays = [aligned_empty(600_000 * k, "float64") for k in (1, 2, 3, 4, 5)]
    assert len({array.ctypes.data for array in arrays}) == 5
    assert not layout._free
    arrays.clear()
    # The one that became free last is among them.
    assert sum(memory.size for memory in layout._free) <= MOST_KEPT_BYTES
    assert len(layout._free) >= 2
    aligned_empty(2**23, "float64")
    assert sum(memory.size for memory in layout._free) < 2**26


@pytest.mark.parametrize(("mib", "kept"), [(3, False), (30, True), (62, True), (65, False)])
def test_memory_of_4_to_64_mib_is_kept(nothing_kept, mib, kept):
    aligned_empty(mib * 2**17, "float64")
    assert bool(layout._free) is kept


def test_threads_never_share_memory(nothing_kept):
    def use(value):
        for _ in range(20):
            own = aligned_empty(600_000, "float64")
            own.fill(value)
            time.sleep(0)
            if not (own == value).all():
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(8)))
