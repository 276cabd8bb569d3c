"""Datasets: where rows come from, and what is done to them before training."""
