import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnrepro.data.pictures import centre_square, read_picture, read_picture_file
from bnrepro.errors import UserError
from tests.data.conftest import huge_png

NOISE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def _content(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _read(image: Image.Image, kind: str = "PNG", **options: object) -> np.ndarray:
    shown = read_picture("picture", _content(image, kind, **options))
    assert shown.mode == "RGB"
    return np.asarray(shown)


def test_colours_come_out_as_they_are() -> None:
    np.testing.assert_array_equal(_read(Image.fromarray(NOISE)), NOISE)


def test_grey_is_copied_to_three_channels() -> None:
    grey = NOISE[:, :, 0]
    np.testing.assert_array_equal(_read(Image.fromarray(grey)), np.stack([grey] * 3, axis=2))


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    grey = NOISE[:, :, 0]
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    np.testing.assert_array_equal(_read(wide), np.stack([grey] * 3, axis=2))


def test_palette_shows_its_colours() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 210, 220])
    palette.putpixel((1, 0), 1)
    assert _read(palette).tolist() == [[[10, 20, 30], [200, 210, 220]]]


def test_cmyk_is_converted() -> None:
    magenta = Image.new("CMYK", (16, 16), (0, 255, 0, 0))
    red, green, blue = _read(magenta, "JPEG", quality=95)[8, 8]
    assert red > 240
    assert green < 15
    assert blue > 240


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_on_white(mode: str) -> None:
    clear = Image.new(mode, (2, 2), (0,) * len(mode))
    assert (_read(clear) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(_read(Image.fromarray(NOISE), exif=exif), undo(NOISE))


JPEG = _content(Image.fromarray(NOISE).resize((64, 64)), "JPEG")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "an empty file; give an image such as PNG or JPEG"),
        (b"some text\n", "not an image; give an image such as PNG or JPEG"),
        (JPEG[: len(JPEG) * 2 // 3], "a damaged image"),
        (huge_png(), "more than 89 megapixels; give an image .* of at most 89 megapixels"),
        (_content(Image.new("F", (2, 2)), "TIFF"), "an image of floating-point numbers"),
    ],
    ids=["empty", "text", "cut", "bomb", "float"],
)
def test_what_is_no_picture_is_refused_in_one_line(content: bytes, told: str) -> None:
    with pytest.raises(UserError, match=f"^a.png: {told}[^\n]*$"):
        read_picture("a.png", content)


def test_huge_pictures_are_refused_in_every_thread() -> None:
    def refuse(_: int) -> None:
        with pytest.raises(UserError, match="more than 89 megapixels"):
            read_picture("a.png", huge_png())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refuse, range(50)))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.png: cannot be read"):
        read_picture_file(tmp_path / "absent.png")
    with pytest.raises(UserError, match="cannot be read"):
        read_picture_file(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "AVIF"])
def test_a_damaged_picture_is_shown_or_refused(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if kind not in ("GIF", "BMP") else {}
    content = _content(Image.fromarray(NOISE), kind, **options)
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for position in random.integers(len(content), size=3):
            damaged[position] = random.integers(256)
        with suppress(UserError):
            read_picture("picture", bytes(damaged))


def test_centre_square_of_a_line_of_pixels_takes_no_memory() -> None:
    line = Image.new("RGB", (1_000_000, 1))
    line.paste((255, 255, 255), (499_000, 0, 501_000, 1))
    square = np.asarray(centre_square(line, 224))
    assert square.shape == (224, 224, 3)
    assert (square == 255).all(), "the centre"
