"""The two figures that training computes itself equal scikit-learn's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from samplewise.training.metrics import accuracy, confusion_matrix

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=50)


@given(PAIRS)
def test_accuracy_and_confusion_equal_scikit_learns(pairs):
    labels, predicted = np.array(pairs).T
    assert accuracy(labels, predicted) == sklearn_metrics.accuracy_score(labels, predicted)
    np.testing.assert_array_equal(
        confusion_matrix(labels, predicted, 5),
        sklearn_metrics.confusion_matrix(labels, predicted, labels=range(5)),
    )
