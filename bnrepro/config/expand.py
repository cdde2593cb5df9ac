"""A sweep's overrides in, the overrides of each of its runs out."""

from collections.abc import Sequence

from hydra import initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from bnrepro.errors import UserError


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """Every combination of what the overrides list, in the order in which Hydra runs them.

    Args:
        overrides: Hydra's sweep syntax: ``a=1,2``, ``range(5)``, ``glob(*)``.

    Raises:
        UserError: an override cannot be read, or is a sweep of a kind that the basic sweeper has
            not (an interval, say).
    """
    with initialize_config_module("bnrepro.configs", version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        parsed = []
        for text in overrides:
            try:
                parsed.append(parser.parse_override(text))
            except HydraException as error:
                raise UserError(
                    f"{text!r}: not an override; write key=value or key=value,value"
                ) from error
        try:
            [jobs] = BasicSweeper.split_arguments(parsed, None)
        except HydraException as error:
            raise UserError(f"{' '.join(overrides)}: {error}") from error
    return jobs
