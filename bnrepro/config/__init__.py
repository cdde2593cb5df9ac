"""Configuration: Hydra overrides in, a frozen, checked `RunConfig` out."""

from bnrepro.config.difference import changes, differences
from bnrepro.config.expand import expand
from bnrepro.config.identity import recipe_id, run_id, run_path
from bnrepro.config.load import load, preset, validate
from bnrepro.config.schema import RunConfig
from bnrepro.config.stored import STORED_VERSION, parse_stored, read_provenance, read_stored, seal

__all__ = [
    "STORED_VERSION",
    "RunConfig",
    "changes",
    "differences",
    "expand",
    "load",
    "parse_stored",
    "preset",
    "read_provenance",
    "read_stored",
    "recipe_id",
    "run_id",
    "run_path",
    "seal",
    "validate",
]
