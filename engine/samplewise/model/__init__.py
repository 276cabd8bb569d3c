"""A trained network: in memory, for predictions, and in a file."""
