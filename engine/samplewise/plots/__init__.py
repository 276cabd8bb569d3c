"""Figures as PNG bytes. Importing a module of this package imports matplotlib."""
