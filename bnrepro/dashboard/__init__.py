"""TensorBoard on the runs: named, beside the paper's curves, with a layout that compares them."""

from bnrepro.dashboard.charts import OTHER
from bnrepro.dashboard.server import serve

__all__ = ["OTHER", "serve"]
