"""The fastest plan for a workload on this machine, by predicted costs."""
