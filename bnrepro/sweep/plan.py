"""Which runs a sweep consists of."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from bnrepro.config import RunConfig, expand, load, recipe_id
from bnrepro.runs import RunDirectory, locate
from bnrepro.sweep.table import RunRow, observe


class PlannedRun(NamedTuple):
    """One run of a sweep, started or not.

    Attributes:
        config: what it is told.
        directory: where it is, or will be.
    """

    config: RunConfig
    directory: RunDirectory


def plan(overrides: Sequence[str]) -> list[PlannedRun]:
    """Every run of a sweep, each once, in the order in which they are started.

    Args:
        overrides: Hydra's sweep syntax; what is for Hydra itself (``hydra.*``) is left aside.

    Raises:
        UserError: an override of one of the runs is wrong.
    """
    of_runs = [override for override in overrides if not is_for_hydra(override)]
    configs = [load(job) for job in expand(of_runs)]
    runs = {locate(config).path: config for config in configs}
    return [PlannedRun(config, RunDirectory(path)) for path, config in runs.items()]


def estimated(planned: Sequence[PlannedRun], console: Console) -> list[RunRow]:
    """How the runs of a plan stand, with the time that those take which are not over.

    A handful of steps of each recipe is timed on this machine.

    Args:
        planned: the runs.
        console: progress, where images have to be decoded first.

    Raises:
        UserError: the data of a run are not to be had.
    """
    from bnrepro.training.estimate import estimate_seconds

    whole: dict[str, float] = {}
    rows = []
    for config, directory in planned:
        row = observe(config, directory)
        if not row.is_over:
            recipe = recipe_id(config)
            if recipe not in whole:
                whole[recipe] = estimate_seconds(config, console)
            row = row._replace(seconds_left=whole[recipe] * (1 - row.step / row.steps))
        rows.append(row)
    return rows


def is_for_hydra(override: str) -> bool:
    """Whether an override configures Hydra: its launcher, its sweeper."""
    return override.lstrip("+~").startswith(("hydra.", "hydra/"))
