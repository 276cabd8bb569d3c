"""All parameters lie in one aligned vector, and named views show them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplewise.network import ParameterLayout, aligned_zeros, multilayer_perceptron


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
