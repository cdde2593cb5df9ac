"""The one decoder of pictures, for training data and for `bnrepro predict` alike."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bnrepro.errors import UserError
from bnrepro.messages import printable

_LONGEST = 16  # times the shorter side: what lies beyond is nowhere near the centre square

# For good and for all threads: `warnings.catch_warnings` would do it to the others by chance.
warnings.simplefilter("error", Image.DecompressionBombWarning)


class PictureError(Exception):
    """Why a file is no picture that can be used; the message does not name the file."""


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        image: in RGB, as a viewer shows it.
        mode: of the pixels in the file, in Pillow's terms: ``RGB``, ``L``, ``P``, ``I;16``, ...
    """

    image: Image.Image
    mode: str


def decode_picture(content: bytes) -> Picture:
    """A picture in RGB as a viewer shows it.

    - Turned as its EXIF orientation says.
    - Transparent pixels lie on white.
    - Of an animation, the first frame.
    - Grey, palette, CMYK and 1-bit pictures are converted. 16-bit grey levels (modes ``I;16`` and
      ``I``) are scaled: 0 to 65,535 becomes 0 to 255.

    Args:
        content: the file.

    Raises:
        PictureError: it is empty, no picture, damaged, of floating-point numbers (of which no file
            says what is white), or has more pixels than Pillow decodes unasked (89 million).
    """
    if not content:
        raise PictureError("an empty file")
    try:
        # The size is known from the header, before anything is decoded.
        with Image.open(io.BytesIO(content)) as image:
            return Picture(_to_rgb(ImageOps.exif_transpose(image)), image.mode)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise PictureError("more than 89 megapixels") from error
    except UnidentifiedImageError as error:
        raise PictureError("not an image") from error
    except (OSError, RuntimeError, SyntaxError, ValueError) as error:
        raise PictureError(f"a damaged image ({printable(str(error))})") from error


def read_picture(name: str, content: bytes) -> Image.Image:
    """The picture in a file's content, in RGB; see `decode_picture`.

    Args:
        name: for messages.
        content: the file.

    Raises:
        UserError: it is no picture that can be used.
    """
    try:
        return decode_picture(content).image
    except PictureError as error:
        raise UserError(
            f"{name}: {error}; give an image such as PNG or JPEG, of at most 89 megapixels"
        ) from error


def read_picture_file(path: Path) -> Image.Image:
    """`read_picture` of a file.

    Raises:
        UserError: it cannot be read, or is no picture.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{printable(path)}: cannot be read ({error.strerror})") from error
    return read_picture(printable(path), content)


def centre_square(image: Image.Image, size: int) -> Image.Image:
    """Shorter side resized to ``size`` pixels, then the centre square."""
    shorter = min(image.size)
    if max(image.size) > _LONGEST * shorter:
        # Of a line of pixels, resizing would make gigabytes that are cut away again.
        longest = _LONGEST * shorter
        left, top = (max(0, side - longest) // 2 for side in image.size)
        image = image.crop(
            (left, top, left + min(image.width, longest), top + min(image.height, longest))
        )
    if shorter != size:
        width, height = (max(size, round(side * size / shorter)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise PictureError("an image of floating-point numbers")
    if image.mode.startswith("I"):  # 16 bits: conversion to RGB would clip, not scale
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray((values / 257).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layers).convert("RGB")
    return image.convert("RGB")
