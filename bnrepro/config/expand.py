"""A sweep's overrides in, the overrides of each of its runs out."""

from collections.abc import Sequence

from hydra import initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException

from bnrepro.config.groups import GROUPS, options
from bnrepro.errors import UserError


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """Every combination of what the overrides list, in the order in which Hydra runs them.

    Args:
        overrides: Hydra's sweep syntax: ``a=1,2``, ``range(5)``, ``glob(*)``.

    Raises:
        UserError: an override cannot be read, or is a sweep of a kind that the basic sweeper has
            not (an interval, say).
    """
    try:
        [jobs] = BasicSweeper.split_arguments(_parse(spell_out_globs(overrides)), None)
    except HydraException as error:
        raise UserError(f"{' '.join(overrides)}: {error}") from error
    return jobs


def spell_out_globs(overrides: Sequence[str]) -> list[str]:
    """``glob(...)`` of a group as a list of its options: Hydra's own does not look into folders.

    Raises:
        UserError: an override cannot be read, or nothing matches.
    """
    spelled = []
    for text, override in zip(overrides, _parse(overrides), strict=True):
        pattern: object = override.value()
        group = override.key_or_group
        if isinstance(pattern, Glob) and group in GROUPS:
            matching = pattern.filter(list(options(group)))
            if not matching:
                raise UserError(f"{text}: matches none of {', '.join(options(group))}")
            text = f"{group}={','.join(matching)}"
        spelled.append(text)
    return spelled


def with_late_values(overrides: Sequence[str]) -> list[str]:
    """For Hydra's multirun: what may be a key of the swept groups' options only, as a list of one.

    Hydra sets a single value before it looks at the options of a swept group (``experiment=a,b``),
    and refuses keys that only they have; lists it leaves to the runs.

    Args:
        overrides: Hydra's sweep syntax, globs spelled out.

    Raises:
        UserError: an override cannot be read.
    """
    parsed = _parse(overrides)
    if not any(one.is_sweep_override() and one.key_or_group in GROUPS for one in parsed):
        return list(overrides)
    return [
        f"{one.get_key_element()}=choice({one.get_value_element_as_str()})"
        if _is_single_value(one)
        else text
        for text, one in zip(overrides, parsed, strict=True)
    ]


def _is_single_value(override: Override) -> bool:
    return not (
        override.is_sweep_override()
        or override.is_delete()
        or override.is_hydra_override()
        or override.key_or_group in GROUPS
        or override.value() in ("", None)  # no list can hold them
    )


def _parse(overrides: Sequence[str]) -> list[Override]:
    parsed: list[Override] = []
    with initialize_config_module("bnrepro.configs", version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        for text in overrides:
            try:
                parsed += parser.parse_overrides([text])
            except HydraException as error:
                raise UserError(
                    f"{text!r}: not an override; write key=value or key=value,value"
                ) from error
    return parsed
