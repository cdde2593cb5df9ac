"""What a sweep would do, and how long it would take."""

from collections.abc import Sequence

from rich.console import Console

from bnrepro.config import RunConfig, recipe_id, run_path
from bnrepro.runs import RunDirectory
from bnrepro.sweep.table import RunRow, observe


def plan(configs: Sequence[RunConfig], console: Console) -> list[RunRow]:
    """How runs stand, each once, with the time that those take which are not over.

    A handful of steps of each recipe is timed on this machine.

    Args:
        configs: the runs.
        console: progress, where images have to be decoded first.

    Raises:
        UserError: the data of a run are not to be had.
    """
    from bnrepro.training.estimate import estimate_seconds

    whole: dict[str, float] = {}
    rows = []
    for path, config in {run_path(config): config for config in configs}.items():
        row = observe(config, RunDirectory(path))
        if not row.is_over:
            recipe = recipe_id(config)
            if recipe not in whole:
                whole[recipe] = estimate_seconds(config, console)
            row = row._replace(seconds_left=whole[recipe] * (1 - row.step / row.steps))
        rows.append(row)
    return rows
