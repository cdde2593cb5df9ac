"""The paper as data: its curves, digitized."""

from bnrepro.paper.curves import Curve, paper_curve

__all__ = ["Curve", "paper_curve"]
