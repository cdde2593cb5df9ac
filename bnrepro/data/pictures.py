"""Pictures of any kind and size, as photographs come, and what is made of them."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bnrepro.errors import UserError

_LONGEST = 16  # times the shorter side: what lies beyond is nowhere near the centre square


def read_picture(name: str, content: bytes) -> Image.Image:
    """A picture in RGB as a viewer shows it.

    Turned as its EXIF orientation says, transparency on white, the first frame of an animation;
    grey, palette, CMYK and 16-bit pictures converted.

    Args:
        name: for messages.
        content: the file.

    Raises:
        UserError: it is empty, no picture, damaged, or has more pixels than Pillow decodes
            unasked (89 million).
    """
    if not content:
        raise UserError(f"{name}: an empty file; give an image, such as PNG or JPEG")
    try:
        # The size is known from the header, before anything is decoded.
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                return _to_rgb(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(f"{name}: more than 89 megapixels; give a smaller image") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{name}: not an image; give a PNG or JPEG, for example") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"{name}: a damaged image ({error})") from error


def read_picture_file(path: Path) -> Image.Image:
    """`read_picture` of a file.

    Raises:
        UserError: it cannot be read, or is no picture.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    return read_picture(str(path), content)


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
    if image.mode.startswith("I"):  # 16 bits: conversion to RGB would clip, not scale
        values = np.asarray(image).astype(np.float64)
        return Image.fromarray((values / 257).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layers).convert("RGB")
    return image.convert("RGB")
