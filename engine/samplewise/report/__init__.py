"""The published report, our runs of its experiments, and both side by side."""
