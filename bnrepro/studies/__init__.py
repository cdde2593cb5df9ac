"""Numerical checks of the paper's statements that need no training run."""

from bnrepro.studies.scale_invariance import write_scale_invariance

__all__ = ["write_scale_invariance"]
