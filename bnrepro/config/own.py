"""A user's own presets: ``./configs`` of the current folder, or the folder of ``--config-dir``."""

import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from bnrepro.config.fields import descriptions
from bnrepro.errors import UserError, nearest

CONFIG_DIR = "BNREPRO_CONFIG_DIR"
"""Environment variable: the folder; workers of a sweep inherit it."""

GLOBAL_GROUPS = ("experiment", "scale", "debug")
"""Groups whose options set keys of the whole config."""


def own_folder() -> Path | None:
    """The folder of the user's own groups, if there is one.

    Raises:
        UserError: the one that was named is no folder.
    """
    named = os.environ.get(CONFIG_DIR)
    if named is None:
        folder = Path("configs")
        # A checkout's configs are the ones that are shipped.
        shipped = Path(str(files("bnrepro.configs")))
        return folder.resolve() if folder.is_dir() and not folder.samefile(shipped) else None
    folder = Path(named)
    if not folder.is_dir():
        raise UserError(f"--config-dir {named}: no such folder")
    return folder.resolve()


def read_own(file: Path, group: str, option: str) -> dict[str, Any]:
    """A preset of the user's, checked as far as one file can be.

    Args:
        file: the preset.
        group: of which group it is an option.
        option: its name there.

    Raises:
        UserError: it cannot be read, is empty, lacks what such a file needs, or has a key that no
            config has; names the file.
    """
    values = _parse(file)
    prefix = "" if group in GLOBAL_GROUPS else f"{group}."
    known = descriptions()
    sections = {key.rpartition(".")[0] for key in known}
    for key in _keys({k: v for k, v in values.items() if k != "defaults"}, prefix):
        if key not in known and key not in sections:
            raise UserError(f"{file}: {key}: no such key; {meant_key(key, known)}")
    if group == "experiment" and not isinstance(values.get("experiment"), str):
        raise UserError(f"{file}: experiment: missing; add the line `experiment: {option}`")
    return values


def check_package(file: Path) -> None:
    """Whether a preset of a group that sets keys of the whole config says so.

    Raises:
        UserError: it does not.
    """
    if not re.search(r"^#\s*@package\s+_global_\s*$", file.read_text("utf-8"), re.MULTILINE):
        raise UserError(f"{file}: its first line must be `# @package _global_`")


def meant_key(key: str, known: Any) -> str:
    """Which key was meant: the nearest one, ``optim.lr`` for ``lr`` or ``optim.learning_rate``."""
    section, _, name = key.rpartition(".")
    initials = "".join(word[:1] for word in name.split("_"))
    for one in known:
        other_section, _, other = one.rpartition(".")
        if (other == name and not section) or (other_section == section and other == initials):
            return f"did you mean {one}?"
    return nearest(key, known, or_else="`bnrepro config` lists the keys")


def _parse(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not a text file") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{file}, line {line}: not YAML ({error.problem})") from error
    except yaml.YAMLError as error:
        raise UserError(f"{file}: not YAML ({str(error).splitlines()[0]})") from error
    if values is None:
        raise UserError(f"{file}: empty; `bnrepro config` shows what a config has")
    if not isinstance(values, dict):
        raise UserError(f"{file}: must hold lines of the form `key: value`")
    return values


def _keys(values: dict[Any, Any], prefix: str) -> list[str]:
    keys = []
    for key, value in values.items():
        keys.append(f"{prefix}{key}")
        if isinstance(value, dict):
            keys += _keys(value, f"{prefix}{key}.")
    return keys
