"""scikit-learn's checks for every estimator on every backend; `make sklearn-suite` runs them.

They take minutes, and the suite has a part of them in `test_estimator_checks.py`.
"""

import pytest
import sklearn
from checked import BACKENDS, estimators
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # The checks give rows of any length, which are no images.
    pytest.mark.filterwarnings("ignore:input_shape:samplewise.errors.SamplewiseWarning"),
]
ALL = [estimator for backend in BACKENDS for estimator in estimators(backend)]


@parametrize_with_checks(ALL)
def test_the_check_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize("setting", [{"array_api_dispatch": True}, {"sparse_interface": "sparray"}])
@parametrize_with_checks(ALL)
def test_the_check_passes_with_a_setting_of_scikit_learn(estimator, check, setting):
    with sklearn.config_context(**setting):
        check(estimator)
