"""Kernels as machine code: how numba compiles and keeps them, and instructions that it lacks."""
