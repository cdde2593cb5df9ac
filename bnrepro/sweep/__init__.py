"""Many runs: started side by side, watched through their run directories."""

from bnrepro.sweep.launch import Swept, sweep
from bnrepro.sweep.launcher import Job, Launcher
from bnrepro.sweep.plan import plan
from bnrepro.sweep.table import RunRow, duration, observe, rows_of, table

__all__ = [
    "Job",
    "Launcher",
    "RunRow",
    "Swept",
    "duration",
    "observe",
    "plan",
    "rows_of",
    "sweep",
    "table",
]
