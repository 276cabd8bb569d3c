"""Hidden units as images

Each unit of a first layer has one weight for each pixel, so its weights are an image: the pattern
that the unit answers to.
"""

# %%
# Sixteen units for two hand signs of the embedded, synthetic data set, as in the report that this
# library began with.
import matplotlib.pyplot as plt

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
# What each unit learnt to look for: red where a light pixel excites it, blue where it calms it.
# The units are in the order of the weight that leads from them to the output, so that the last
# ones speak for the 9.
model = result.model
out = model.network.layout.views(model.parameters)["1.weight"][0]
figure, ax = plt.subplots(figsize=(6, 5))
samplewise.WeightsDisplay.from_estimator(model, units=out.argsort().tolist(), ax=ax)
