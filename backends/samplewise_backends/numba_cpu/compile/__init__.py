"""Kernels as machine code: how numba compiles them, keeps them, and what it has no name for."""
