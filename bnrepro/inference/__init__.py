"""Trained runs in use: evaluated, averaged, exported, and asked about pictures (Section 3.1)."""

from bnrepro.inference.evaluate import Evaluation, evaluate
from bnrepro.inference.keep import keep_predictions
from bnrepro.inference.trained import find_run

__all__ = ["Evaluation", "evaluate", "find_run", "keep_predictions"]
