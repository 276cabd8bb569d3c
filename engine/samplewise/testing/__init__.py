"""Is a backend right? `check_backend(name)` says so, or raises with what is wrong."""

from samplewise.testing.check import Certificate, check_backend

__all__ = ["Certificate", "check_backend"]
