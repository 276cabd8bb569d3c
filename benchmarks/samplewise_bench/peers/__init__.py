"""samplewise beside other libraries: first that all compute the same, then how long each takes.

A peer is one module here with an object `peer`, and one row of `task.PEERS`; a piece of work is
one row of `workloads.WORKLOADS`.
"""
