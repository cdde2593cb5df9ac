"""The paper as data: its curves, digitized."""

from bnrepro.paper.curves import paper_curve

__all__ = ["paper_curve"]
