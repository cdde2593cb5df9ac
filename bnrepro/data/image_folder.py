"""Image folders as data sets: found on disk and prepared once."""

from pathlib import Path

from platformdirs import user_cache_path
from rich.console import Console

from bnrepro.data.folders import find_tree, roots
from bnrepro.data.prepared import BadImages, prepare_images
from bnrepro.errors import UserError


def prepare_image_folder(
    folder: str,
    size: int,
    num_classes: int | None,
    bad_images: BadImages,
    root: str | None,
    console: Console,
) -> Path:
    """Decode and resize the images once, into the cache folder; returns the prepared set's folder.

    Args:
        folder: an absolute path, or a folder below one of `roots`.
        size: height and width, in pixels: shorter side resized, centre square.
        num_classes: so many classes, the first in a fixed shuffle of their names; None: all.
        bad_images: see `prepare_images`.
        root: folder to look in first.
        console: progress.

    Raises:
        UserError: the folder is not there, or what `prepare_images` refuses.
    """
    tree = find_tree(folder, root)
    if tree is None:
        raise UserError(
            f"data.folder={folder}: not found in {', '.join(map(str, roots(root)))}; "
            "set data.root or BNREPRO_DATA to the folder that holds it"
        )
    cache = user_cache_path("bnrepro") / "prepared"
    return prepare_images(tree, size, num_classes, bad_images, cache, console)
