"""Configuration: Hydra overrides in, a frozen, checked `RunConfig` out."""

from bnrepro.config.difference import differences
from bnrepro.config.expand import expand
from bnrepro.config.identity import recipe_id, run_id, run_path
from bnrepro.config.load import load, preset, validate
from bnrepro.config.schema import RunConfig
from bnrepro.config.stored import read_stored

# What a bare `bnrepro train` runs.
DEFAULT_OVERRIDES = ("experiment=fig1/with_bn", "scale=smoke")

__all__ = [
    "DEFAULT_OVERRIDES",
    "RunConfig",
    "differences",
    "expand",
    "load",
    "preset",
    "read_stored",
    "recipe_id",
    "run_id",
    "run_path",
    "validate",
]
