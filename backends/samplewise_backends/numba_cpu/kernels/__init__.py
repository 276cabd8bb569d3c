"""The code that numba compiles. The engine checks shapes, dtypes and indices; kernels do not."""
