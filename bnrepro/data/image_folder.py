"""Image folders as data sets: found on disk and prepared once."""

from pathlib import Path

from rich.console import Console

from bnrepro.data.folders import find_tree, tree_places
from bnrepro.data.image_archives import IMAGENETTE, TINY_IMAGENET
from bnrepro.data.imagenet import ADVICE, IMAGENET
from bnrepro.data.preparation import BadImages, prepare_images
from bnrepro.data.prepared_files import Storage, prepared_sets
from bnrepro.errors import UserError

_FETCHED = {TINY_IMAGENET: "tiny_imagenet", IMAGENETTE: "imagenette"}


def prepare_image_folder(
    folder: str,
    size: int,
    num_classes: int | None,
    bad_images: BadImages,
    root: str | None,
    console: Console,
    storage: Storage = "pixels",
) -> Path:
    """Decode and resize the images once, into the cache folder; returns the prepared set's folder.

    Args:
        folder: an absolute path, or one below a data folder or the current one; see `tree_places`.
        size: height and width, in pixels: shorter side resized, centre square.
        num_classes: this many classes, the first in a fixed shuffle of their names; None: all.
        bad_images: see `prepare_images`.
        root: folder to look in first.
        console: progress.
        storage: pixels or JPEG.

    Raises:
        UserError: the folder is not there, or what `prepare_images` refuses.
    """
    tree = find_tree(folder, root) or _folder_without_train(folder, root)
    return prepare_images(tree, size, num_classes, bad_images, prepared_sets(), console, storage)


def _folder_without_train(folder: str, root: str | None) -> Path:
    """A folder of the name, of which `read_image_tree` says what it lacks."""
    places = tree_places(folder, root)
    for place in places:
        if place.is_dir():
            return place
    if folder == IMAGENET:
        raise UserError(f"{places[0]}: ImageNet is not there; {ADVICE}")
    advice = "set data.root or BNREPRO_DATA to the folder that holds it, or give its whole path"
    if folder in _FETCHED:
        advice = f"run `bnrepro data fetch {_FETCHED[folder]}`, or {advice}"
    elif Path(folder).is_absolute():
        advice = "give a folder that has train/ and val/"
    raise UserError(
        f"data.folder={folder}: no such folder, looked for as {', '.join(map(str, places))}; "
        f"{advice}"
    )
