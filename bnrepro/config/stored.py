"""The config.yaml of a run directory, read back."""

from pathlib import Path
from typing import Any

import yaml

from bnrepro.config.load import validate
from bnrepro.config.schema import RunConfig
from bnrepro.errors import UserError

# The same parser in C, where libyaml is there: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_stored(file: Path) -> tuple[RunConfig, list[dict[str, Any]]] | None:
    """What a run was told, and the provenance of each process that worked on it.

    None: the file is damaged, deleted, or was written by another version.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
        return validate(content["config"]), [dict(process) for process in content["provenance"]]
    except (UserError, KeyError, TypeError, ValueError, OSError, yaml.YAMLError):
        return None
