"""Benchmarks: fair timing of backends and other libraries, and cost against size."""
