"""Time and memory of a training against its sizes."""
