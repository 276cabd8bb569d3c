"""A plugin whose main module lacks what it needs; `hollow` loads but offers nothing."""
