"""Rare classes and class weights

Where one class is rare, a network that never predicts it is nearly always right. Class weights let
each class count the same in the loss.
"""

# %%
# Three of a hundred rows belong to class 1. `class_weight="balanced"` weighs a row by the
# inverse of the frequency of its class.
import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, recall_score
from sklearn.model_selection import train_test_split

from samplewise import TrainingSettings, multilayer_perceptron, train

X, y = make_classification(
    6000, 10, n_informative=5, weights=[0.97], class_sep=0.8, flip_y=0.005, random_state=1
)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
network = multilayer_perceptron(10, 16, 1, "tanh")
models = {}
for name, class_weight in {"plain": None, "balanced": "balanced"}.items():
    settings = TrainingSettings(
        learning_rate=0.02,
        init="glorot_uniform",
        shuffle=True,
        epochs=20,
        class_weight=class_weight,
    )
    models[name] = train(network, X_train, y_train, settings).model()
    found = recall_score(y_test, models[name].predict(X_test))
    print(f"{name}: {found:.0%} of the rare class found")

# %%
# The price: more rows of the common class are taken for the rare one.
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for (name, model), ax in zip(models.items(), axes, strict=True):
    ConfusionMatrixDisplay.from_predictions(y_test, model.predict(X_test), ax=ax, colorbar=False)
    ax.set_title(name)

# %%
# Class weights move the threshold; they do not add knowledge. Over all thresholds, the plain
# network is even the better one here.
figure, ax = plt.subplots(figsize=(5, 3.5))
for name, model in models.items():
    probability = model.probabilities(X_test)[:, 1]
    PrecisionRecallDisplay.from_predictions(y_test, probability, name=name, ax=ax)
ax.legend(loc="lower left")
