"""The config.yaml of a run directory, read back."""

from pathlib import Path
from typing import Any

import yaml

from bnrepro.config.load import validate
from bnrepro.config.schema import RunConfig
from bnrepro.errors import UserError

STORED_VERSION = 2
"""Of config.yaml, its first key. In version 1, which has none, a run's name held its labels."""

# The same parser in C, where libyaml is there: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_stored(file: Path) -> tuple[RunConfig, list[dict[str, Any]]] | None:
    """What a run was told, and the provenance of each process that worked on it.

    None: the file is damaged, deleted, or was written by a version that this one cannot read.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
        if content.get("version", 1) > STORED_VERSION:
            return None
        return validate(content["config"]), content["provenance"]
    except (UserError, KeyError, TypeError, AttributeError, ValueError, OSError, yaml.YAMLError):
        return None
