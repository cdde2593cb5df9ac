"""Trained runs in use: evaluated, averaged, exported, and asked about pictures (Section 3.1)."""

from bnrepro.inference.evaluate import Evaluation, evaluate
from bnrepro.inference.export import Export, export
from bnrepro.inference.keep import keep_predictions
from bnrepro.inference.predict import Prediction, predict

__all__ = [
    "Evaluation",
    "Export",
    "Prediction",
    "evaluate",
    "export",
    "keep_predictions",
    "predict",
]
