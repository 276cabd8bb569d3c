"""Finding a learning rate

A learning rate range test makes a pass over the rows, in which the rate grows from step to step
until training breaks; of few rows, it takes the mean of several passes. It takes less time than one
guess.
"""

# %%
# The loss falls where the rate is right, and shoots up where it is too large. The suggestion is
# a tenth of the rate at which the loss was least.
import dataclasses

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from samplewise import TrainingSettings, lr_range_test, multilayer_perceptron, train

digits, labels = load_digits(return_X_y=True)
X = digits / 16
network = multilayer_perceptron(64, 32, 10, "relu")
settings = TrainingSettings(init="he_uniform", batch_size=8, shuffle=True, epochs=15)
test = lr_range_test(network, X, labels, settings)
print(f"suggested rate: {test.suggestion:.2g}")

# %%
# Each rate on the way, and the loss there.
figure, ax = plt.subplots(figsize=(6, 3))
ax.semilogx(test.rates, test.losses, linewidth=0.6, alpha=0.5, label="loss")
ax.semilogx(test.rates, test.smoothed, label="smoothed")
ax.axvline(test.suggestion, color="black", linestyle="--", label="suggestion")
ax.set(xlabel="learning rate", ylabel="loss", ylim=(0, 4))
ax.legend()

# %%
# Fifteen epochs with the suggested rate, with a thirtieth of it, and with ten times the rate. The
# suggestion is on the safe side: here ten times the rate gets further, but its loss jumps.
figure, ax = plt.subplots(figsize=(6, 3))
for name, factor in {"suggestion": 1, "a thirtieth": 1 / 30, "ten times": 10}.items():
    changed = dataclasses.replace(settings, learning_rate=factor * test.suggestion)
    history = train(network, X, labels, changed).history
    ax.semilogy(range(1, 16), history.losses, label=f"{name}: {history.losses[-1]:.3f}")
ax.set(xlabel="epoch", ylabel="loss")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
