"""Many runs: Hydra's multirun starts them, run directories tell how they go."""

from bnrepro.sweep.launch import Launcher, Swept, sweep
from bnrepro.sweep.plan import PlannedRun, estimated, plan
from bnrepro.sweep.table import RunRow, duration, observe, rows_of, table

__all__ = [
    "Launcher",
    "PlannedRun",
    "RunRow",
    "Swept",
    "duration",
    "estimated",
    "observe",
    "plan",
    "rows_of",
    "sweep",
    "table",
]
