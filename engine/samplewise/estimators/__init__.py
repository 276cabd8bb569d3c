"""Estimators with scikit-learn's interface, which train by `samplewise.training`."""
