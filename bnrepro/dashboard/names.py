"""What a run is called in the dashboard: experiment and seed, and what else it was told."""

from functools import cache

from bnrepro.config import RunConfig, load
from bnrepro.dashboard.hparams import flatten
from bnrepro.dashboard.sources import Source
from bnrepro.errors import UserError

_MOST_CHANGES = 3


def curve_name(source: Source) -> str:
    """``fig2/bn_x5``, or ``fig2/bn_x5,optim.lr=0.3`` where it differs from the preset.

    A run that differs in many keys has the id of its recipe there.
    """
    config = source.config
    preset = _preset(config.experiment, config.scale)
    if preset is None:
        return f"{config.experiment},{source.recipe}"
    changes = _changes(config, preset)
    if len(changes) > _MOST_CHANGES:
        changes = [source.recipe]
    return ",".join([config.experiment, *changes])


def name_sources(sources: list[Source], taken: dict[str, Source]) -> dict[str, Source]:
    """Names for runs that have none yet: ``fig2/bn_x5/seed0``.

    Args:
        sources: the runs.
        taken: those that have one.
    """
    named = dict(taken)
    for source in sources:
        name = base = f"{curve_name(source)}/seed{source.config.seed}"
        copies = 1
        while name in named:  # the same run in two folders
            copies += 1
            name = f"{base} ({copies})"
        named[name] = source
    return named


@cache
def _preset(experiment: str, scale: str) -> RunConfig | None:
    try:
        return load([f"experiment={experiment}", f"scale={scale}"])
    except UserError:
        return None


def _changes(config: RunConfig, preset: RunConfig) -> list[str]:
    ours, theirs = flatten(config), flatten(preset)
    changes = []
    for key, value in ours.items():
        section = key.partition(".")[0]
        other_kind = ours.get(f"{section}.name") != theirs.get(f"{section}.name")
        if key == f"{section}.name" and other_kind:
            changes.append(f"{section}={value}")
        elif key != "seed" and value != theirs.get(key) and not other_kind:
            changes.append(f"{key}={value}".replace("/", "_").replace(", ", " "))
    return changes
