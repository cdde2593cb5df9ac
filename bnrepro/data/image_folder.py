"""Image folders as data sets: found on disk, prepared once, read into memory."""

from platformdirs import user_cache_path
from rich.console import Console

from bnrepro.data.dataset import Dataset
from bnrepro.data.folders import find_tree, roots
from bnrepro.data.prepared import BadImages, load_prepared, prepare_images
from bnrepro.errors import UserError


def load_image_folder(
    folder: str,
    size: int,
    num_classes: int | None,
    bad_images: BadImages,
    root: str | None,
    console: Console,
) -> Dataset:
    """Labelled images, (3, size, size), decoded the first time and kept in the cache folder.

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
    return load_prepared(prepare_images(tree, size, num_classes, bad_images, cache, console))
