"""Which plan trains a workload the fastest on this machine, and what it will take."""
