"""TensorBoard on the runs: named, beside the paper's curves, with a layout that compares them."""

from bnrepro.dashboard.charts import OTHER
from bnrepro.dashboard.server import serve
from bnrepro.dashboard.view import Scope

__all__ = ["OTHER", "Scope", "serve"]
