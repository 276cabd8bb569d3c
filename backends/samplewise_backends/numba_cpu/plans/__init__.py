"""The three plans: which arrays go into which kernel, and what is kept between calls."""
