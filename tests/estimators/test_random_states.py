"""The random state of a fit: scikit-learn's draws, whatever was drawn before."""

import numpy as np
import pytest
from sklearn.utils import check_random_state

from samplewise.estimators.random_states import drawing_from


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, np.int64(7), True])
def test_a_seed_draws_as_scikit_learns(seed):
    expected = check_random_state(seed)
    drawn = expected.normal(size=3), expected.randint(2**31 - 1)
    for _ in range(2):
        with drawing_from(seed) as own:
            # An odd number of these leaves one that a fresh state must not give out.
            assert np.array_equal(own.normal(size=3), drawn[0])
            assert own.randint(2**31 - 1) == drawn[1]


def test_a_block_inside_another_has_a_state_of_its_own():
    with drawing_from(1) as outer:
        first = outer.randint(2**31 - 1)
        with drawing_from(1) as inner:
            assert inner.randint(2**31 - 1) == first
        second = outer.randint(2**31 - 1)
    assert [first, second] == check_random_state(1).randint(2**31 - 1, size=2).tolist()


def test_a_state_is_taken_as_it_is():
    given = np.random.RandomState(3)
    with drawing_from(given) as own:
        assert own is given
    with drawing_from(None) as own:
        assert own is check_random_state(None)


@pytest.mark.parametrize("wrong", [-1, 2**32, "0", 1.5])
def test_what_is_not_a_seed_is_refused(wrong):
    with pytest.raises(ValueError, match="[Ss]eed"), drawing_from(wrong):
        pass
