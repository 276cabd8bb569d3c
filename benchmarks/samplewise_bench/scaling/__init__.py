"""How time and memory of a training grow with its sizes."""
