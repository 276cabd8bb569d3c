"""Sweeps: many experiments, trained in groups, with a journal that survives the process."""
