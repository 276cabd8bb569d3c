"""Snapshots in files: one file, the folder that keeps the newest, and the time to write one."""
