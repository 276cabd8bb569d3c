"""Layers of a batch: one file each, forward beside backward.

The dense layer is compiled into every kernel; the others are called through two routines.
"""
