"""Many runs: started side by side, watched through their run directories."""

from bnrepro.sweep.launch import Swept, sweep
from bnrepro.sweep.launcher import Job, Launcher
from bnrepro.sweep.plan import plan
from bnrepro.sweep.table import ListedRun, RunRow, duration, observe, read_runs, table

__all__ = [
    "Job",
    "Launcher",
    "ListedRun",
    "RunRow",
    "Swept",
    "duration",
    "observe",
    "plan",
    "read_runs",
    "sweep",
    "table",
]
