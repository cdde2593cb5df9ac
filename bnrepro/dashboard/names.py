"""What a run is called in the dashboard: experiment and seed, and what else it was told."""

from collections.abc import Mapping, Sequence

from bnrepro.config import RunConfig, changes
from bnrepro.dashboard.charts import Place
from bnrepro.dashboard.sources import Source

_MOST_CHANGES = 3
_MOST_BYTES = 200  # of a name; file systems allow a folder 255


def curve_name(source: Source, places: Sequence[Place]) -> str:
    """``fig2/bn_x5``, or ``fig2/bn_x5,optim.lr=0.3`` where it differs from the preset.

    A line of a study that differs is named as in its picture: ``rate_tolerance/with BN, x5``. Any
    other run that differs in many keys has the id of its recipe there. A name is a folder of the
    view, too, and a config may be of anybody's making: one that would lead elsewhere is the id
    alone.

    Args:
        source: the run.
        places: where studies show it.
    """
    config = source.config
    overrides = _overrides(config)
    name = config.experiment
    if places and overrides != []:
        name = f"{places[0].study.name}/{places[0].line.label.replace('/', '_')}"
    elif overrides is None or len(overrides) > _MOST_CHANGES:
        name += f",{source.recipe}"
    elif overrides:
        name = ",".join([name, *overrides])
    return name if _is_plain_path(name) else source.recipe


def name_sources(
    sources: list[Source], taken: dict[str, Source], places: Mapping[str, Sequence[Place]]
) -> dict[str, Source]:
    """Names for runs that have none yet: ``fig2/bn_x5/seed0``.

    Args:
        sources: the runs.
        taken: those that have one.
        places: where studies show a recipe.
    """
    named = dict(taken)
    curves: dict[str, str] = {}
    for source in sources:
        recipe = source.recipe
        if recipe not in curves:
            curves[recipe] = curve_name(source, places.get(recipe, []))
        name = base = f"{curves[recipe]}/seed{source.config.seed}"
        copies = 1
        while name in named:  # the same run in two folders
            copies += 1
            name = f"{base} ({copies})"
        named[name] = source
    return named


def _is_plain_path(name: str) -> bool:
    """Whether it names a folder below the one that it is joined to, on every file system."""
    are_folders = all(part.isprintable() and part.strip(". ") for part in name.split("/"))
    return are_folders and len(name.encode()) <= _MOST_BYTES


def _overrides(config: RunConfig) -> list[str] | None:
    """``key=value`` for what differs from the preset; None: the preset is no longer there."""
    changed = changes(config)
    if changed is None:
        return None
    return [
        f"{key.removesuffix('.name')}={value}".replace("/", "_").replace(", ", " ")
        for key, value in changed.items()
    ]
