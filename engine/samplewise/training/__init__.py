"""Training: the loop, its settings, and the history it leaves."""
