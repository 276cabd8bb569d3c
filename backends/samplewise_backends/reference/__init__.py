"""The specification: one sample at a time, plain NumPy, formulas in textbook order."""

from samplewise_backends.reference.program import ReferenceBackend

backend = ReferenceBackend()
