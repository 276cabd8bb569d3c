"""Is a backend right? `check_backend(name)` certifies it, or raises with its failures."""

from samplewise.testing.certificate import Certificate
from samplewise.testing.check import certify, check_backend

__all__ = ["Certificate", "certify", "check_backend"]
