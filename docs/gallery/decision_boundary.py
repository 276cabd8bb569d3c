"""A decision boundary, epoch by epoch

Two interleaved half moons cannot be separated by a line. A callback watches how a network with one
hidden layer bends its boundary around them.
"""

# %%
# A callback with two arguments receives the record of each epoch and a model of the weights
# after it.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from samplewise import TrainingSettings, multilayer_perceptron, train

X, y = make_moons(300, noise=0.2, random_state=0)
across, up = np.meshgrid(np.linspace(-1.7, 2.7, 120), np.linspace(-1.3, 1.8, 90))
grid = np.column_stack([across.ravel(), up.ravel()])
seen = {}


def look(record, model):
    """Keep the probability of class 1 everywhere, after a few of the epochs."""
    if record.epoch in (1, 10, 40, 200):
        seen[record.epoch] = model.probabilities(grid)[:, 1].reshape(across.shape)


network = multilayer_perceptron(2, 16, 1, "tanh")
settings = TrainingSettings(epochs=200, learning_rate=0.05, init="glorot_uniform", shuffle=True)
result = train(network, X, y, settings, callbacks=look)
print(f"{result.history.train_ms:.0f} ms for {200 * len(X):,} steps of one row each")

# %%
# The boundary is where both classes are equally probable.
figure, axes = plt.subplots(1, 4, figsize=(10, 2.6), sharey=True, layout="constrained")
for (epoch, probability), ax in zip(seen.items(), axes, strict=True):
    ax.contourf(across, up, probability, levels=np.linspace(0, 1, 21), cmap="RdBu", alpha=0.6)
    ax.contour(across, up, probability, levels=[0.5], colors="black")
    ax.scatter(*X.T, c=np.where(y, "navy", "darkred"), edgecolor="white", linewidth=0.4, s=14)
    ax.set(title=f"epoch {epoch}", xticks=[], yticks=[])

# %%
# The loss of each epoch is taken before each step, so the first one is that of a network that
# has just begun to learn.
figure, ax = plt.subplots(figsize=(6, 3))
ax.plot(range(1, 201), result.history.losses)
ax.set(xlabel="epoch", ylabel="cross-entropy", ylim=0)
