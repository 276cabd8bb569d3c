"""Loads, and is no backend."""

backend = object()
