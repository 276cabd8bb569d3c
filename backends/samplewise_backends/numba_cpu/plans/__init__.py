"""The three plans: which arrays go into which kernel, and the state kept between calls."""
