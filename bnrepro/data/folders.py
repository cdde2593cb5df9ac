"""Where data sets are looked for on disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

from platformdirs import user_cache_path

from bnrepro.data.imagenet import is_archived
from bnrepro.errors import UserError
from bnrepro.messages import reason


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


@contextmanager
def downloading(name: str, folder: Path, by_hand: str) -> Iterator[None]:
    """Make the folder that a download in the block goes to.

    Args:
        name: of the data set, for messages.
        folder: to write to.
        by_hand: what to do without a connection.

    Raises:
        UserError: no connection, or the folder cannot be written; says what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (URLError, HTTPException, RuntimeError, ConnectionError, TimeoutError) as error:
        raise UserError(
            f"{name}: cannot be downloaded ({reason(error)}); offline, {by_hand}"
        ) from error
    except OSError as error:
        raise UserError(
            f"{name}: cannot write to {folder} ({error.strerror}); "
            "set data.root or BNREPRO_DATA to a folder that can be written"
        ) from error


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
