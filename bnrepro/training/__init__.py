"""Training: a `RunConfig` in, a run directory out."""

from bnrepro.training.run import Outcome, run

__all__ = ["Outcome", "run"]
