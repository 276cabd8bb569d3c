"""Names of the activation functions. What each one computes is a backend's business."""

from __future__ import annotations

ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu")
