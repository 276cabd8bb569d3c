"""Experiments: one configuration, from data to a trained model."""
