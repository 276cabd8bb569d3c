"""An autoencoder of digits

A network that learns to give its input back, through a layer of few units, has to find a short
description of its data. Here 64 pixels pass through 8 numbers.
"""

# %%
# An autoencoder is a network whose targets are its rows. The loss is the mean squared error.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from samplewise import Dense, Network, TrainingSettings, train

digits, labels = load_digits(return_X_y=True)
X = digits / 16
network = Network((64,), (Dense(32, "relu"), Dense(8), Dense(32, "relu"), Dense(64)))
settings = TrainingSettings(
    loss="mean_squared_error",
    optimizer="adam",
    learning_rate=0.003,
    batch_size=16,
    shuffle=True,
    init="he_uniform",
    epochs=40,
)
result = train(network, X, X, settings)
print(f"squared error of a pixel: {result.history.losses[-1]:.4f}")

# %%
# Ten digits, and what comes back of each.
rows = [int((labels == digit).argmax()) for digit in range(10)]
back = result.predict(X[rows])
figure, axes = plt.subplots(2, 10, figsize=(9, 2.1))
for images, line in zip((X[rows], back), axes, strict=True):
    for image, ax in zip(images, line, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_axis_off()
figure.suptitle("64 pixels (above), and from 8 numbers (below)")

# %%
# The error falls quickly at first, and slowly afterwards.
figure, ax = plt.subplots(figsize=(6, 3))
ax.semilogy(range(1, 41), result.history.losses)
ax.set(xlabel="epoch", ylabel="mean squared error")
