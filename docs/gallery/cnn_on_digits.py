"""A small convolutional network

Convolutions look at each place of an image with the same few weights. This network has two of
them, and is trained in a second or two on 8x8 digits.
"""

# %%
# The rows stay flat, 64 numbers each; the network's input shape says that they are images:
# one channel, 8 high, 8 wide.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from samplewise import Adam, Conv2D, Dense, Dropout, MaxPool2D, Network, TrainingSettings, train

digits, labels = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    digits / 16, labels, test_size=0.25, random_state=0, stratify=labels
)
network = Network(
    (1, 8, 8),
    (
        Conv2D(8, 3, activation="relu", padding="same"),
        MaxPool2D(2),
        Conv2D(16, 3, activation="relu"),
        Dropout(0.2),
        Dense(10),
    ),
)
settings = TrainingSettings(
    optimizer=Adam(),
    learning_rate=0.003,
    batch_size=16,
    shuffle=True,
    init="he_normal",
    epochs=20,
    dtype="float32",
)
result = train(network, X_train, y_train, settings, validation=(X_test, y_test))
last = result.history.epochs[-1]
print(f"{network.layout.parameters:,} parameters, {last.validation_accuracy:.1%} of test digits")

# %%
# Loss on the rows trained on, with dropout, and on the test rows, without.
figure, ax = plt.subplots(figsize=(6, 3))
epochs = range(1, 21)
ax.plot(epochs, result.history.losses, label="trained on")
ax.plot(epochs, result.history.validation_losses, label="test")
ax.set(xlabel="epoch", ylabel="cross-entropy", yscale="log", xticks=(1, 5, 10, 15, 20))
ax.legend()

# %%
# The eight filters of the first layer: purple places count for a feature, orange ones against it.
filters = network.layout.views(result.parameters)["0.weight"]
limit = np.abs(filters).max()
figure, axes = plt.subplots(1, 8, figsize=(8, 1.3))
for weights, ax in zip(filters, axes, strict=True):
    ax.imshow(weights[0], cmap="PuOr", vmin=-limit, vmax=limit)
    ax.set_axis_off()

# %%
# Which digits are taken for which.
figure, ax = plt.subplots(figsize=(4.5, 4.5))
ConfusionMatrixDisplay.from_predictions(y_test, result.predict(X_test), ax=ax, colorbar=False)
