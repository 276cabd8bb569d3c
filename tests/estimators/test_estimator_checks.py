"""scikit-learn's checks of estimators: all pass, and none is skipped.

`make sklearn-suite` runs them for every estimator on every backend.
"""

import pytest
import sklearn
from checked import estimators
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # The checks give rows of any length, which are no images.
    pytest.mark.filterwarnings("ignore:input_shape:samplewise.errors.SamplewiseWarning"),
]


@parametrize_with_checks([*estimators("numba_cpu"), estimators("vectorized")[0]])
def test_the_check_passes(estimator, check):
    check(estimator)


@parametrize_with_checks(estimators("numba_cpu")[:1])
def test_the_check_passes_with_array_api_dispatch_and_sparse_arrays(estimator, check):
    with sklearn.config_context(array_api_dispatch=True, sparse_interface="sparray"):
        check(estimator)
