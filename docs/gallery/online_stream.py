"""Learning from a stream that changes

Rows come one by one, and in the middle of the stream their meaning changes. `learn_one` takes one
step for each row, within microseconds, and the network follows.
"""

# %%
# Each row is predicted first and learnt then, so that every prediction is for a row never seen.
# After 2,000 rows the classes change: the line between them turns.
import time

import matplotlib.pyplot as plt
import numpy as np

from samplewise import MLPClassifier

rng = np.random.default_rng(0)
X = rng.standard_normal((4000, 6))
before, after = (X[:, 0] + X[:, 1] > 0), (X[:, 0] - X[:, 1] > 0)
y = np.where(np.arange(4000) < 2000, before, after).astype(int)

right = {}
for rate in (0.003, 0.1):
    classifier = MLPClassifier(
        (12,), activation="tanh", solver="sgd", learning_rate_init=rate, momentum=0, random_state=0
    )
    classifier.partial_fit(X[:1], y[:1], classes=[0, 1])
    started, answers = time.perf_counter(), [0]
    for row, label in zip(X[1:], y[1:], strict=True):
        answers.append(classifier.predict_one(row))
        classifier.learn_one(row, label)
    microseconds = 1e6 * (time.perf_counter() - started) / len(X)
    right[rate] = answers == y
    print(f"rate {rate}: {right[rate].mean():.1%} right, {microseconds:.0f} microseconds a row")

# %%
# The share of right predictions among the last 200 rows. A larger rate recovers sooner.
figure, ax = plt.subplots(figsize=(7, 3))
for rate, hits in right.items():
    share = np.convolve(hits, np.ones(200) / 200, mode="valid")
    ax.plot(range(200, 4001), share, label=f"learning rate {rate}")
ax.axvline(2000, color="black", linestyle="--", linewidth=1)
ax.set(xlabel="row", ylabel="right among the last 200", ylim=(0, 1))
ax.legend(loc="lower right")
