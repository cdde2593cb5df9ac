"""Image sets that can be had: downloaded and unpacked by torchvision. Imports no torch."""

from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

from bnrepro.data.folders import first_root
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
    by_hand = f"offline, put tiny-imagenet-200.zip into {root} and run the command again"
    _download(
        "tiny_imagenet",
        by_hand,
        root,
        lambda: download_and_extract_archive(
            _TINY_IMAGENET_URL, str(root), md5=_TINY_IMAGENET_MD5, remove_finished=True
        ),
    )
    return root / TINY_IMAGENET


def fetch_imagenette() -> Path:
    """Imagenette, ten classes of ImageNet, shorter side 160 px (99 MB).

    Raises:
        UserError: no connection, or the folder cannot be written; says what to do.
    """
    from torchvision.datasets import Imagenette

    root = first_root()
    by_hand = f"offline, put {IMAGENETTE}.tgz into {root} and run the command again"
    _download("imagenette", by_hand, root, lambda: Imagenette(root, size="160px", download=True))
    return root / IMAGENETTE


def fetch_imagenet() -> Path:
    """Say how to get ImageNet's own archives, which have to be asked for.

    Raises:
        UserError: always; archives that are there need no fetching.
    """
    raise UserError(f"{first_root() / IMAGENET}: ImageNet is not there; {ADVICE}")


def _download(name: str, by_hand: str, folder: Path, fetch: Callable[[], object]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fetch()
    except (URLError, HTTPException, RuntimeError, ConnectionError, TimeoutError) as error:
        raise UserError(f"{name}: cannot be downloaded ({error}); {by_hand}") from error
    except OSError as error:
        raise UserError(
            f"{name}: cannot write to {folder} ({error.strerror}); "
            "set BNREPRO_DATA to a folder that can be written"
        ) from error
