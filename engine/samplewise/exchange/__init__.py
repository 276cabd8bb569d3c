"""Trained networks of other libraries as models, and models as theirs."""

from samplewise.exchange.from_scikit_learn import from_sklearn
from samplewise.exchange.to_scikit_learn import to_sklearn
from samplewise.exchange.torch import from_torch, save_torch, to_torch, torch_code

__all__ = ["from_sklearn", "from_torch", "save_torch", "to_sklearn", "to_torch", "torch_code"]
