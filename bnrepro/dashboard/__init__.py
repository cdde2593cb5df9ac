"""TensorBoard on the runs: named, beside the paper's curves, with a layout that compares them."""

from bnrepro.dashboard.server import serve

__all__ = ["serve"]
