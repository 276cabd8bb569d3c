"""The built-in backends: `reference`, `vectorized` and `numba_cpu`.

Each is built as a third party would build one: it imports the contract and the network
description of samplewise, never another backend, and is found through its entry point.
"""
