"""Where data sets are looked for on disk."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from bnrepro.data.imagenet import is_archived
from bnrepro.errors import UserError


def roots(root: str | None = None) -> list[Path]:
    """Data folders in the order in which they are searched.

    ``root`` if given, the environment variable BNREPRO_DATA if set, the user's cache folder.

    Raises:
        UserError: ``root`` is given and is no folder: what is named is not passed over.
    """
    if root and not Path(root).expanduser().is_dir():
        raise UserError(f"data.root={root}: no such folder; give the folder that holds the data")
    named = [root, os.environ.get("BNREPRO_DATA")]
    return [Path(name).expanduser() for name in named if name] + [user_cache_path("bnrepro")]


def first_root(root: str | None = None) -> Path:
    """Where a download goes: the first of `roots`."""
    return roots(root)[0]


def tree_places(folder: str, root: str | None = None) -> list[Path]:
    """Where an image tree may be: the folder below each of `roots`, or below the current folder.

    The cache folder is the last of them. An absolute path is the one place.
    """
    *named, cache = roots(root)
    path = Path(folder).expanduser()
    return [path] if path.is_absolute() else [base / path for base in (*named, Path.cwd(), cache)]


def find_tree(folder: str, root: str | None = None) -> Path | None:
    """The first of `tree_places` with ``train/`` or ImageNet's archives in it, or None."""
    places = tree_places(folder, root)
    return next(
        (place for place in places if (place / "train").is_dir() or is_archived(place)), None
    )
