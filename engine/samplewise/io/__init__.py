"""Writing whole or not at all, and reading files that nobody vouches for."""
