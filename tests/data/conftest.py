import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bnrepro.data.preparation import BadImages, prepare_images
from bnrepro.data.prepared_files import Storage

# Prepares a tree with 8 pixels a side; returns the folder and what was told.
Prepare = Callable[..., tuple[Path, str]]


def noise(mode: str = "RGB", size: tuple[int, int] = (20, 10), seed: int = 0) -> Image.Image:
    """A picture of which no two parts are alike."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def huge_png() -> bytes:
    """60,000 x 60,000 pixels by its header, and next to no content."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two classes with four images in train and two in val."""
    folder = tmp_path / "set"
    for split, count in (("train", 4), ("val", 2)):
        for label, name in enumerate("ab"):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                image = noise(seed=100 * label + 10 * i + (split == "val"))
                image.save(folder / split / name / f"{i}.png")
    return folder


@pytest.fixture
def prepare(tree: Path, tmp_path: Path) -> Prepare:
    def prepare_tree(
        bad: BadImages = "error", sets: Path = tmp_path / "sets", storage: Storage = "pixels"
    ) -> tuple[Path, str]:
        told = io.StringIO()
        console = Console(file=told, width=200)
        return prepare_images(tree, 8, None, bad, sets, console, storage), told.getvalue()

    return prepare_tree
