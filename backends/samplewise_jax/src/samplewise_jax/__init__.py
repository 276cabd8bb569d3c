"""A backend of samplewise on JAX; JAX itself is imported when the first network is compiled."""

from samplewise_jax.backend import JaxBackend

backend = JaxBackend()

__all__ = ["JaxBackend", "backend"]
