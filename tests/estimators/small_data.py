"""Small data for tests of estimators."""

import numpy as np

RNG = np.random.default_rng(11)
X = RNG.normal(size=(60, 4))
TWO = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 1], [-0.5, 0.5])
NAMES = np.array(["ant", "bee", "cat"])[THREE]
LABELS = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
NUMBER = X @ [1.0, -2.0, 0.5, 0.0]
NUMBERS = np.stack([NUMBER, X[:, 3]], axis=1)
QUICK = {"hidden_layer_sizes": 6, "max_iter": 4, "random_state": 0, "learning_rate_init": 0.02}
