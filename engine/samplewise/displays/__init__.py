"""Pictures in scikit-learn's pattern: computed from an estimator or model, then drawn on an axes.

Unlike the pictures of `samplewise.plots`, they are drawn by pyplot, so that a notebook shows them.
None calls `show`, and matplotlib is imported when one is drawn.
"""

from samplewise.displays.training_curve import TrainingCurveDisplay
from samplewise.displays.weights import WeightsDisplay

__all__ = ["TrainingCurveDisplay", "WeightsDisplay"]
