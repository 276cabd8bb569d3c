"""Learning from a stream that changes

Rows come one by one, and in the middle of the stream their meaning changes. A `Learner` takes one
step for each row, within microseconds, and follows.
"""

# %%
# Each row is predicted first and learnt then, so that every prediction is for a row never seen.
# After 2,000 rows the classes change: the line between them turns.
import time

import matplotlib.pyplot as plt
import numpy as np

from samplewise import BinaryCrossEntropy, TrainingSettings, multilayer_perceptron
from samplewise.training.learner import Learner

rng = np.random.default_rng(0)
X = rng.standard_normal((4000, 6))
before, after = (X[:, 0] + X[:, 1] > 0), (X[:, 0] - X[:, 1] > 0)
y = np.where(np.arange(4000) < 2000, before, after).astype(int)

right, losses = {}, {}
for rate in (0.003, 0.1):
    settings = TrainingSettings(learning_rate=rate, init="glorot_uniform")
    network = multilayer_perceptron(6, 12, 1, "tanh")
    learner = Learner(network, BinaryCrossEntropy(), settings)
    answers, seen = [], []
    started = time.perf_counter()
    for row, label in zip(X, y.tolist(), strict=True):
        answers.append(learner.predict(row).argmax())
        seen.append(learner.learn(row, label))
    microseconds = 1e6 * (time.perf_counter() - started) / len(X)
    right[rate], losses[rate] = np.equal(answers, y), seen
    print(f"rate {rate}: {np.mean(right[rate]):.1%} right, {microseconds:.0f} microseconds a row")

# %%
# The share of right predictions among the last 200 rows. A larger rate recovers sooner.
figure, ax = plt.subplots(figsize=(7, 3))
for rate, hits in right.items():
    share = np.convolve(hits, np.ones(200) / 200, mode="valid")
    ax.plot(range(200, 4001), share, label=f"learning rate {rate}")
ax.axvline(2000, color="black", linestyle="--", linewidth=1)
ax.set(xlabel="row", ylabel="right among the last 200", ylim=(0, 1))
ax.legend(loc="lower right")
