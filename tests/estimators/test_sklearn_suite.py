"""scikit-learn's own tests of its perceptron, with our classes in the place of its own.

`make sklearn-suite` runs this file alone. The source of the installed module is run with one import
replaced; nothing of it is copied here.
"""

from pathlib import Path

import pytest
import sklearn.neural_network.tests.test_mlp as original

import samplewise

# Left out: tests whose expectation is internal to scikit-learn, with the reason.
INTERNAL = {
    "test_gradient": "calls `_loss_grad_lbfgs` with scikit-learn's buffers for activations",
    "test_learning_rate_warmstart": "reads the rate from the private `_optimizer`",
    "test_adaptive_learning_rate": "reads the rate from the private `_optimizer`",
    "test_n_iter_no_change": "reads the private counter `_no_improvement_count`",
    "test_n_iter_no_change_inf": "reads the private counter `_no_improvement_count`",
}


def ours():
    """Return the namespace of scikit-learn's module with our estimators."""
    path = Path(original.__file__)
    names = {"__name__": __name__, "__file__": str(path)}
    source = path.read_text(encoding="utf-8").replace(
        "from sklearn.neural_network import MLPClassifier, MLPRegressor",
        "from samplewise import MLPClassifier, MLPRegressor",
    )
    exec(compile(source, str(path), "exec"), names)
    assert names["MLPClassifier"] is samplewise.MLPClassifier
    return {name: value for name, value in names.items() if not name.startswith("__")}


@pytest.fixture
def global_random_seed():
    """The seed that scikit-learn's own configuration of pytest gives."""
    return 42


def test_every_exception_is_a_test_of_scikit_learn():
    assert set(INTERNAL) <= set(vars(original))
    assert len(INTERNAL) <= 8


globals().update({name: value for name, value in ours().items() if name not in INTERNAL})
