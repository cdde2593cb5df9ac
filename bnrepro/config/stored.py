"""The config.yaml of a run directory, read back."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from bnrepro.config.load import validate
from bnrepro.config.migration import migrate
from bnrepro.config.schema import RunConfig
from bnrepro.errors import UserError

STORED_VERSION = 2
"""Of config.yaml, its first key. In version 1, which has none, a run's name held its labels."""

_SEAL = "# sha256: "

# The same parser in C, where libyaml is there: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def seal(content: str) -> str:
    """The text of a config.yaml with its digest behind it; earlier versions wrote none."""
    return f"{content}{_SEAL}{hashlib.sha256(content.encode()).hexdigest()}\n"


def read_stored(file: Path) -> tuple[RunConfig, list[dict[str, Any]]] | None:
    """What a run was told, and the provenance of each process that worked on it.

    None: the file is damaged, deleted, or was written by a version that this one cannot read.
    """
    try:
        text = file.read_text(encoding="utf-8")
        unsealed, mark, _ = text.rpartition(_SEAL)
        if mark and text != seal(unsealed):
            return None
        content = _parse(text)
        if content.get("version", 1) > STORED_VERSION:
            return None
        return parse_stored(content["config"]), _provenance(content)
    except (UserError, *_DAMAGE):
        return None


def read_provenance(file: Path) -> list[dict[str, Any]]:
    """The provenance alone, of a file whose config may be damaged; empty where it is, too."""
    try:
        return _provenance(_parse(file.read_text(encoding="utf-8")))
    except _DAMAGE:
        return []


_DAMAGE = (KeyError, TypeError, AttributeError, ValueError, OSError, yaml.YAMLError)


def _parse(text: str) -> Any:
    try:
        return _parse_blocks(text)
    except (TypeError, ValueError, yaml.YAMLError):
        return yaml.load(text, Loader=_LOADER)


# Where a key begins in what `write_config` writes, with the lines below it.
_KEYS = re.compile(r"^(?=\w+:)", re.MULTILINE)
_CONFIG = "config:\n"
_KEYS_OF_CONFIG = re.compile(r"^  (?=\w+:)", re.MULTILINE)


def _parse_blocks(text: str) -> dict[str, Any]:
    """What YAML makes of a file, key by key: most of it is the same in many runs, and read once.

    Raises:
        TypeError, ValueError, yaml.YAMLError: the file is not laid out so.
    """
    before, *blocks = _KEYS.split(text)
    content: dict[str, Any] = {}
    for block in blocks:
        if block.startswith(_CONFIG):
            head, *options = _KEYS_OF_CONFIG.split(block)
            before += head.removeprefix(_CONFIG)
            content["config"] = {}
            for option in options:
                content["config"] |= _parse_block(option)
        else:
            content |= _parse_block(block)
    if before:
        raise ValueError("lines that belong to no key")
    return content


@lru_cache(maxsize=4096)
def _parse_block(block: str) -> Any:
    return yaml.load(block, Loader=_LOADER)


def _provenance(content: Any) -> list[dict[str, Any]]:
    entries = content["provenance"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("not a list of mappings")
    return entries


def parse_stored(values: Any) -> RunConfig:
    """A config that this or an earlier version stored, as plain values.

    Raises:
        UserError: no version's; names the first key that is wrong.
    """
    try:
        present = migrate(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError("not a config that bnrepro stored") from error
    return validate(present)
