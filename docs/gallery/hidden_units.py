"""Hidden units as images

Each unit of a first layer has one weight for each pixel, so its weights are an image: the pattern
that the unit answers to.
"""

# %%
# Sixteen units for two hand signs of the embedded, synthetic data set, as in the report that this
# library began with.
import matplotlib.pyplot as plt
import numpy as np

import samplewise

experiment = samplewise.Experiment.from_options(
    classes=("4", "9"), hidden=(16,), learning_rate=0.1, epochs=20, init="glorot_uniform", l2=3e-3
)
result = samplewise.run(experiment)
print(f"test accuracy {result.test_accuracy:.1%} in {result.history.train_ms:.0f} ms")

# %%
# The two signs: the mean image of each class.
signs = samplewise.load_dataset("synthetic", ["4", "9"])
figure, axes = plt.subplots(1, 2, figsize=(5, 2.7))
for label, ax in enumerate(axes):
    ax.imshow(signs.X[signs.labels == label].mean(axis=0).reshape(28, 28), cmap="gray")
    ax.set(title=f"mean of {signs.class_names[label]}", xticks=[], yticks=[])

# %%
# What each unit learnt to look for. The title is the weight that leads from the unit to the
# output: a positive one speaks for the 9.
model = result.model
views = model.network.layout.views(model.parameters)
weights, out = views["0.weight"], views["1.weight"][0]
limit = np.abs(weights).max()
figure, axes = plt.subplots(2, 8, figsize=(9, 2.9), layout="constrained")
for ax, unit in zip(axes.flat, np.argsort(out), strict=True):
    ax.imshow(weights[unit].reshape(28, 28), cmap="RdBu", vmin=-limit, vmax=limit)
    ax.set(title=f"{out[unit]:+.1f}", xticks=[], yticks=[])
