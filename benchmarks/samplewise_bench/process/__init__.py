"""The user's clock: whole processes from start to end, beside those of scikit-learn."""
