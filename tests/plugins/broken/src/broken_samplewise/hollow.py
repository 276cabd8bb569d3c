"""Loads, and is not a backend."""

backend = object()
