"""Datasets: their sources, and preprocessing, splitting and augmentation before training."""
