"""What numba compiles. Shapes, dtypes and indices are the engine's duty: nothing is checked."""
