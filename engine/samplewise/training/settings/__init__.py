"""The settings of a training run, composed of those of its parts."""
