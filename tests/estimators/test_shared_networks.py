"""Fits of equal hidden layers share one network, and nothing that one of them alone should have."""

import pickle
import threading

import numpy as np
import pytest

from limits import LIMIT_S, joined
from samplewise import MLPClassifier
from samplewise.estimators import perceptron

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2


class Text(str):
    """What a user may have written."""


def fitted(hidden=(7,), seed=0, **parameters):
    return MLPClassifier(hidden, max_iter=2, random_state=seed, **parameters).fit(X, Y)


def test_equal_ones_are_one_and_others_are_not():
    network = fitted().model_.network
    assert fitted(seed=1).model_.network is network
    for other in (fitted((8,)), fitted(activation="tanh"), fitted(dropout=0.1)):
        assert other.model_.network != network


def test_a_text_of_the_users_class_stays_with_its_estimator():
    own, plain = (fitted((9,), activation=kind("relu")) for kind in (Text, str))
    assert own.model_.network == plain.model_.network
    assert type(plain.model_.network.layers[0].activation) is str
    assert b"Text" not in pickle.dumps(plain)


def test_rates_in_a_list_need_no_hash():
    network = fitted(dropout=[np.array(0.25)]).model_.network
    assert network == fitted(dropout=0.25).model_.network


def test_fits_of_many_threads_at_once_have_the_bits_of_fits_one_by_one():
    wanted = [fitted((11,), seed).predict_proba(X).tobytes() for seed in range(6)]
    perceptron._kept.cache_clear()
    found, ready = [None] * 6, threading.Barrier(6, timeout=LIMIT_S)

    def fit(seed):
        ready.wait()
        found[seed] = fitted((11,), seed).predict_proba(X).tobytes()

    threads = [threading.Thread(target=fit, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    joined(*threads)
    assert found == wanted
