"""The report's own experiments: one hidden layer, one sample at a time, two classes."""
