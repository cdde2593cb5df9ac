"""What the classes of an image folder are called."""

from collections.abc import Sequence
from pathlib import Path

from bnrepro.data.imagenet import read_devkit

# Beside the images: ImageNet and Tiny-ImageNet come with words.txt, some copies with classes.txt.
_LISTS = ("words.txt", "classes.txt")


def describe_classes(names: Sequence[str], folder: Path) -> tuple[str, ...]:
    """The classes' folder names, each followed by its words where the set lists them.

    Args:
        names: of the folders, for ImageNet such as n07768694.
        folder: the image tree; a list in it has lines of a name, a tab and words. ImageNet's devkit
            is such a list, too.

    Returns:
        ``n07768694 pomegranate`` and so on.
    """
    devkit = read_devkit(folder)
    words = dict(devkit.words) if devkit else {}
    for file in (folder / name for name in _LISTS):
        if file.is_file():
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            words |= {name: text for name, _, text in (line.partition("\t") for line in lines)}
    return tuple(f"{name} {words[name]}" if words.get(name) else name for name in names)
