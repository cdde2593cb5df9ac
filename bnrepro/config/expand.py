"""A sweep's overrides in, the config of each of its runs out."""

from collections.abc import Sequence
from itertools import product

from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from bnrepro.config.groups import GROUPS, options
from bnrepro.config.load import load, parse
from bnrepro.config.schema import RunConfig
from bnrepro.errors import UserError


def expand(overrides: Sequence[str]) -> list[RunConfig]:
    """Every combination of what the overrides list, in the order in which Hydra runs them.

    Args:
        overrides: Hydra's sweep syntax: ``a=1,2``, ``range(5)``, ``choice(1,2)``, ``glob(*)``.

    Raises:
        UserError: an override cannot be read, lists no value, or one of the runs is wrong.
    """
    alternatives: dict[str, list[str]] = {}
    for text in overrides:
        override = parse(text)
        alternatives[override.get_key_element()] = _alternatives(text, override)
    return [load(run) for run in product(*alternatives.values())]


def _alternatives(text: str, override: Override) -> list[str]:
    """The overrides of single runs that one of a sweep stands for."""
    if not override.is_sweep_override():
        return [text]
    try:
        values = _values(text, override)
    except (HydraException, ValueError) as error:
        raise UserError(f"{text}: cannot be listed ({error})") from error
    if not values:
        raise UserError(f"{text}: lists no value, so there is nothing to run")
    return [f"{override.get_key_element()}={value}" for value in values]


def _values(text: str, override: Override) -> list[str]:
    pattern: object = override.value()
    if override.is_interval_sweep():
        raise UserError(f"{text}: an interval lists no values; use range(...) or choice(...)")
    if not isinstance(pattern, Glob):
        return list(override.sweep_string_iterator())
    group = override.key_or_group
    if group not in GROUPS:
        raise UserError(f"{text}: glob is for groups ({', '.join(GROUPS)}); use choice(...)")
    # Hydra's own does not look into folders.
    names = list(options(group))
    matches: list[str] = pattern.filter(names)
    if not matches:
        raise UserError(f"{text}: matches none of {', '.join(names)}")
    return matches
