"""How much do thirty networks differ?

Networks that start from different weights agree where there are rows, and differ between them.
`train_many` trains thirty on the same rows at once.
"""

# %%
# Thirty seeds, one network each. The rows have a gap in the middle and end at the sides.
import dataclasses

import matplotlib.pyplot as plt
import numpy as np

from samplewise import TrainingSettings, multilayer_perceptron, train_many

rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(-2, -0.7, 60), rng.uniform(0.8, 2, 60)])
y = np.sin(2 * x) + 0.15 * rng.standard_normal(len(x))
settings = TrainingSettings(
    loss="mean_squared_error",
    optimizer="adam",
    learning_rate=0.01,
    init="he_normal",
    batch_size=8,
    epochs=200,
    shuffle=True,
    order_seed=0,
)
networks = [multilayer_perceptron(1, 40, 1, "relu")] * 30
seeds = [dataclasses.replace(settings, seed=seed) for seed in range(30)]
results = train_many(networks, x[:, None], y, seeds)
shared = results[0].history.shared
print(
    f"{shared.networks} networks, {200 * len(x) // 8:,} steps each: {shared.all_networks_ms:.0f} ms"
)

# %%
# The band holds nine tenths of the thirty curves. It is wide in the gap. At the sides, where all
# networks go on in a straight line, it is narrow, and the truth lies outside: that networks agree
# does not mean that they know.
line = np.linspace(-3, 3, 200)
curves = np.array([result.predict(line[:, None]) for result in results])
low, high = np.quantile(curves, [0.05, 0.95], axis=0)
figure, ax = plt.subplots(figsize=(7, 3.5))
ax.fill_between(line, low, high, alpha=0.3, label="nine tenths of the networks")
ax.plot(line, curves.mean(axis=0), label="their mean")
ax.plot(line, np.sin(2 * line), "k--", linewidth=1, label="the truth")
ax.scatter(x, y, s=10, color="black", label="rows")
ax.set(ylim=(-2, 2), xlabel="x", ylabel="y")
ax.legend(ncols=2, loc="lower center")
