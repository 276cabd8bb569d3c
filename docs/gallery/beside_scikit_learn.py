"""Beside scikit-learn

`MLPClassifier` of both libraries, on the same digits with the same parameters: the same losses, in
less time.
"""

# %%
# Both start from the same weights here, which a warm start takes, and see the rows in the same
# order. Otherwise their seeds draw different networks.
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import sklearn.neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

import samplewise

warnings.simplefilter("ignore", ConvergenceWarning)
digits, labels = load_digits(return_X_y=True)
X = digits / 16
curves, times = {}, {}
for library in (sklearn.neural_network, samplewise):
    rng = np.random.default_rng(0)
    name = library.__name__.partition(".")[0]
    classifier = library.MLPClassifier(
        (32,), batch_size=8, max_iter=1, shuffle=False, warm_start=True, random_state=0
    )
    classifier.fit(X, labels)
    for weights in (*classifier.coefs_, *classifier.intercepts_):
        weights[...] = rng.uniform(-0.2, 0.2, weights.shape)
    started = time.perf_counter()
    classifier.set_params(max_iter=20).fit(X, labels)
    times[name] = time.perf_counter() - started
    curves[name] = classifier.loss_curve_[1:]
    print(f"{name}: {times[name]:.2f} s, loss {classifier.loss_:.12f}")

# %%
# The curves lie on each other: the largest difference is one of rounding.
differences = np.abs(np.subtract(*curves.values()))
print(f"largest difference of a loss: {differences.max():.1e}")
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for (name, curve), style in zip(curves.items(), ("-", "--"), strict=True):
    left.semilogy(range(1, 21), curve, style, linewidth=2, label=name)
left.set(xlabel="epoch", ylabel="loss")
left.legend()
right.barh(list(times), list(times.values()), color=["C0", "C1"])
right.set(xlabel="seconds of fit, 20 epochs with batches of 8")
