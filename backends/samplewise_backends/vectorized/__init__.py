"""Mini-batches as matrices, in NumPy, into preallocated buffers."""

from samplewise_backends.vectorized.program import VectorizedBackend

backend = VectorizedBackend()
