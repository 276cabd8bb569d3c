"""Is a backend right? `check_backend(name)` says so, or raises with what is wrong."""

from samplewise.testing.certificate import Certificate
from samplewise.testing.check import certify, check_backend

__all__ = ["Certificate", "certify", "check_backend"]
