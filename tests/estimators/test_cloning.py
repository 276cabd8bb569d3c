"""Clones are those of scikit-learn, made in less time."""

from functools import wraps

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone

from samplewise import Adam, MLPClassifier, NeuralNetClassifier
from samplewise.network import Dense

X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2


def slow_clone(estimator):
    return BaseEstimator.__sklearn_clone__(estimator)


class Number(float):
    """A number that may carry anything, and so is copied."""


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(),
        MLPClassifier(alpha=Number(0.1)),
        MLPClassifier([5, 4], alpha=np.float64(0.1), random_state=np.random.RandomState(3)),
        MLPClassifier(solver=Adam(beta1=0.8), class_weight={0: 1.0, 1: 2.0}),
        NeuralNetClassifier([Dense(4, "tanh")]),
    ],
)
def test_a_clone_is_that_of_scikit_learn(estimator):
    found, wanted = clone(estimator), slow_clone(estimator)
    assert type(found) is type(wanted)
    assert vars(found).keys() == vars(wanted).keys()
    for name, value in estimator.get_params().items():
        ours, theirs = getattr(found, name), getattr(wanted, name)
        assert type(ours) is type(theirs)
        assert (ours is value) == (theirs is value), name


def test_a_clone_shares_no_list_with_its_estimator():
    estimator = MLPClassifier([5])
    clone(estimator).hidden_layer_sizes.append(4)
    assert estimator.hidden_layer_sizes == [5]


def test_a_clone_is_not_fitted():
    fitted = MLPClassifier((3,), max_iter=9, n_iter_no_change=1, tol=10.0).fit(X, Y)
    assert vars(clone(fitted)).keys() == vars(MLPClassifier()).keys()


def test_a_clone_keeps_what_was_set_beside_parameters():
    with config_context(enable_metadata_routing=True):
        asking = MLPClassifier().set_fit_request(sample_weight=True)
        requests = clone(asking).get_metadata_routing().fit.requests
    assert requests["sample_weight"] is True


class Doubling(MLPClassifier):
    @wraps(MLPClassifier.__init__)
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.alpha *= 2


class Own(MLPClassifier):
    def __init__(self, size=3):
        self.size = size
        super().__init__((size,))


def test_a_subclass_with_a_constructor_of_its_own_is_cloned_as_before():
    assert clone(Own(size=5)).hidden_layer_sizes == (5,)
    with pytest.raises(RuntimeError, match="either does not set or modifies parameter alpha"):
        clone(Doubling())
