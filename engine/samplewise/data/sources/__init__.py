"""Datasets by name, and the files that a dataset can be read from."""
