"""A run's format: its directory, its rows, and the folder of all of them. Imports no torch."""

from bnrepro.runs.atomic import write_atomically
from bnrepro.runs.directory import LockedError, RunDirectory, State, Status
from bnrepro.runs.rows import (
    Histogram,
    Row,
    last_values,
    read_good_rows,
    read_histograms,
    read_rows,
)
from bnrepro.runs.store import count_runs, find_runs, locate
from bnrepro.runs.writing import write_config, write_run

__all__ = [
    "Histogram",
    "LockedError",
    "Row",
    "RunDirectory",
    "State",
    "Status",
    "count_runs",
    "find_runs",
    "last_values",
    "locate",
    "read_good_rows",
    "read_histograms",
    "read_rows",
    "write_atomically",
    "write_config",
    "write_run",
]
