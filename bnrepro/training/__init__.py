"""Training: a `RunConfig` in, a run directory out."""

from bnrepro.training.runner import Outcome, run

__all__ = ["Outcome", "run"]
