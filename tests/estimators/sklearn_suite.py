"""scikit-learn's own tests of its perceptron, with our classes in the place of its own.

`make sklearn-suite` runs this file. The installed module is read, and two names in it are replaced;
nothing of it is copied here.
"""

from pathlib import Path

import pytest
import sklearn.neural_network.tests.test_mlp as original

import samplewise

# Tests whose expectation is internal to scikit-learn, and the reason.
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


globals().update(ours())
for _name, _reason in INTERNAL.items():
    globals()[_name] = pytest.mark.skip(reason=_reason)(globals()[_name])
