"""samplewise beside other libraries: first that all compute the same, then how long each takes.

A peer is one module here, which implements `task.Peer`, and one row of `task.PEERS`; a piece of
work is one row of `workloads.WORKLOADS`.
"""
