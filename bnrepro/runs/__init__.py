"""A run's format: its directory, its rows, and the folder of all of them. Imports no torch."""

from bnrepro.runs.atomic import flush_folder, make_folder, write_atomically
from bnrepro.runs.directory import Lock, LockedError, RunDirectory, State, Status
from bnrepro.runs.rows import (
    Histogram,
    Row,
    last_values,
    read_histograms,
    read_rows,
)
from bnrepro.runs.store import count_runs, find_run, find_runs, left_out, locate, locate_all
from bnrepro.runs.writing import write_config, write_run

__all__ = [
    "Histogram",
    "Lock",
    "LockedError",
    "Row",
    "RunDirectory",
    "State",
    "Status",
    "count_runs",
    "find_run",
    "find_runs",
    "flush_folder",
    "last_values",
    "left_out",
    "locate",
    "locate_all",
    "make_folder",
    "read_histograms",
    "read_rows",
    "write_atomically",
    "write_config",
    "write_run",
]
