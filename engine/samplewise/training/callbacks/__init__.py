"""Hooks into training, and the parts of it that act at the ends of epochs and chunks."""

from samplewise.training.callbacks.base import Callback, Callbacks, Hook, as_callbacks

__all__ = ["Callback", "Callbacks", "Hook", "as_callbacks"]
