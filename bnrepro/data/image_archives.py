"""Image sets that can be had: downloaded and unpacked by torchvision. Imports no torch."""

from pathlib import Path

from bnrepro.data.folders import downloading, first_root
from bnrepro.data.imagenet import ADVICE, IMAGENET
from bnrepro.errors import UserError

TINY_IMAGENET = "tiny-imagenet-200"
IMAGENETTE = "imagenette2-160"

_TINY_IMAGENET_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
_TINY_IMAGENET_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"


def fetch_tiny_imagenet() -> Path:
    """Tiny-ImageNet-200 in its official layout (248 MB).

    Raises:
        UserError: no connection, or the folder cannot be written; says what to do.
    """
    from torchvision.datasets.utils import download_and_extract_archive

    root = first_root()
    with downloading(
        "tiny_imagenet", root, f"put tiny-imagenet-200.zip into {root} and run the command again"
    ):
        download_and_extract_archive(
            _TINY_IMAGENET_URL, str(root), md5=_TINY_IMAGENET_MD5, remove_finished=True
        )
    return root / TINY_IMAGENET


def fetch_imagenette() -> Path:
    """Imagenette, ten classes of ImageNet, shorter side 160 px (99 MB).

    Raises:
        UserError: no connection, or the folder cannot be written; says what to do.
    """
    from torchvision.datasets import Imagenette

    root = first_root()
    with downloading(
        "imagenette", root, f"put {IMAGENETTE}.tgz into {root} and run the command again"
    ):
        Imagenette(root, size="160px", download=True)
    return root / IMAGENETTE


def fetch_imagenet() -> Path:
    """Say how to get ImageNet's own archives, which have to be asked for.

    Raises:
        UserError: always; archives that are there need no fetching.
    """
    raise UserError(f"{first_root() / IMAGENET}: ImageNet is not there; {ADVICE}")
