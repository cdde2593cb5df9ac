"""Where data sets are looked for on disk."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def roots(root: str | None = None) -> list[Path]:
    """Data folders in the order in which they are searched.

    ``root`` if given, the environment variable BNREPRO_DATA if set, the user's cache folder.
    """
    named = [root, os.environ.get("BNREPRO_DATA")]
    return [Path(name).expanduser() for name in named if name] + [user_cache_path("bnrepro")]


def first_root(root: str | None = None) -> Path:
    """Where a download goes: the first of `roots`."""
    return roots(root)[0]


def find_tree(folder: str, root: str | None = None) -> Path | None:
    """A folder with ``train/`` in it below one of `roots`, or None where there is none."""
    for base in roots(root):
        if (base / folder / "train").is_dir():
            return base / folder
    return None
