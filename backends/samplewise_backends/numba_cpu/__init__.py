"""The compiled backend: whole epochs in one call. Loading this package imports numba."""

from samplewise_backends.numba_cpu.backend import NumbaBackend

backend = NumbaBackend()
