import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnrepro.data import preparation
from bnrepro.data.prepared import load_prepared
from bnrepro.data.prepared_files import read_index
from bnrepro.errors import UserError
from tests.data.conftest import Prepare, huge_png, noise


def test_prepared_images_are_the_resized_centre_squares(tree: Path, prepare: Prepare) -> None:
    folder, _ = prepare()
    dataset = load_prepared(folder)
    assert dataset.train.images.shape == (8, 3, 8, 8)
    assert dataset.num_classes == 2
    label = read_index(folder).classes.index("a")
    first = dataset.train.images[dataset.train.labels == label][0]
    with Image.open(tree / "train" / "a" / "0.png") as image:
        square = image.resize((16, 8), Image.Resampling.BILINEAR).crop((4, 0, 12, 8))
    np.testing.assert_array_equal(first.permute(1, 2, 0), np.asarray(square))


def test_kinds_of_image_are_converted_and_told(tree: Path, prepare: Prepare) -> None:
    for name, mode in (("grey.png", "L"), ("palette.png", "P"), ("cmyk.tiff", "CMYK")):
        noise(mode).save(tree / "train" / "a" / name)
    folder, told = prepare()
    assert "train: 11 images" in told
    for mode in ("L", "P", "CMYK"):
        assert f"1 converted from {mode}" in told
    assert load_prepared(folder).train.images.shape == (11, 3, 8, 8)


def test_sixteen_bit_images_keep_their_greys(tree: Path, prepare: Prepare) -> None:
    grey = np.full((10, 20), 127 * 257, dtype=np.uint16)
    Image.fromarray(grey).save(tree / "val" / "a" / "a.png")
    dataset = load_prepared(prepare()[0])
    assert (dataset.test.images == 127).all(dim=(1, 2, 3)).sum() == 1


def _cut(path: Path) -> None:
    noise(size=(200, 100)).save(path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("create", "told"),
    [
        (lambda path: path.write_bytes(b""), "an empty file"),
        (lambda path: path.write_bytes(b"<html>"), "not an image"),
        (_cut, "a damaged image"),
        (lambda path: path.write_bytes(huge_png()), "more than 89 megapixels"),
        (lambda path: path.symlink_to(path.parent / "nothing"), "cannot be read"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (os.mkfifo, "cannot be read .not a regular file"),
    ],
    ids=["empty", "text", "cut", "huge", "dangling", "loop", "pipe"],
)
def test_bad_image_is_named_and_dropped_only_on_request(
    tree: Path, prepare: Prepare, create: Callable[[Path], object], told: str
) -> None:
    create(tree / "train" / "b" / "bad.png")
    with pytest.raises(UserError, match=rf"b/bad.png: {told}.*data.bad_images=drop$") as error:
        prepare()
    assert "\n" not in str(error.value)
    folder, said = prepare("drop")
    assert "train: 8 images, 1 dropped" in said
    assert re.search(f"b/bad.png: {told}", said)
    assert len(load_prepared(folder).train) == 8


def test_what_one_setting_dropped_the_other_refuses(tree: Path, prepare: Prepare) -> None:
    (tree / "train" / "b" / "bad.png").write_bytes(b"<html>")
    prepare("drop")
    with pytest.raises(UserError, match="not an image"):
        prepare("error")


def test_class_that_loses_all_its_images_is_refused(tree: Path, prepare: Prepare) -> None:
    for path in (tree / "val" / "b").iterdir():
        path.write_bytes(b"<html>")
    with pytest.raises(UserError, match="set/val: all images of class b were dropped"):
        prepare("drop")


def test_file_name_that_is_not_utf8_is_read_or_named(tree: Path, prepare: Prepare) -> None:
    name = os.fsencode(tree / "train" / "a") + b"/caf\xe9\n.png"
    shutil.copy(tree / "train" / "b" / "0.png", name)
    assert "train: 9 images" in prepare()[1]
    Path(os.fsdecode(name)).write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"/caf\\udce9\\n.png: not an image"):
        prepare()
    assert r"/caf\udce9\n.png: not an image" in prepare("drop")[1]


def test_folder_with_the_name_of_an_image_is_a_folder(tree: Path, prepare: Prepare) -> None:
    (tree / "train" / "a" / "x.png").mkdir()
    shutil.copy(tree / "train" / "b" / "0.png", tree / "train" / "a" / "x.png")
    assert "train: 9 images\n" in prepare()[1]


def test_files_that_are_no_images_are_counted(tree: Path, prepare: Prepare) -> None:
    for name in ("a.txt", "b.TXT", "README"):
        (tree / "train" / "a" / name).touch()
    (tree / "val" / "b" / "more").symlink_to(tree / "val" / "a")
    _, told = prepare()
    assert "not read, no images by their names: 2 .txt, 1 linked folder, 1 without suffix" in told


def test_images_in_both_splits_are_counted(tree: Path, prepare: Prepare) -> None:
    content = (tree / "train" / "a" / "0.png").read_bytes()
    (tree / "val" / "b" / "same.png").write_bytes(content)
    assert "1 images of val stand byte for byte in train" in prepare()[1]


@pytest.fixture
def interrupted(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that were decoded until Ctrl-C, and those that are decoded from then on."""
    decoded: list[bytes] = []
    decode = preparation.decode_picture

    def counted(content: bytes) -> object:
        decoded.append(content)
        if len(decoded) == 6:
            raise KeyboardInterrupt
        return decode(content)

    monkeypatch.setattr(preparation, "_CHUNK", 2)
    monkeypatch.setattr(preparation, "decode_picture", counted)
    with pytest.raises(KeyboardInterrupt):
        prepare()
    return decoded


def test_interrupted_preparation_goes_on_and_ends_the_same(
    interrupted: list[bytes], prepare: Prepare, tmp_path: Path
) -> None:
    seen = len(interrupted)
    again, _ = prepare()
    assert len(interrupted) - seen < 12, "what was done is not done again"
    straight, _ = prepare(sets=tmp_path / "straight")
    for name in ("train.u8", "val.u8", "index.json"):
        assert (again / name).read_bytes() == (straight / name).read_bytes()


def test_interrupted_preparation_of_jpegs_ends_the_same(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "_duplicates", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare(storage="jpeg")
    [jpegs] = (tmp_path / "sets").rglob("val.jpegs")
    with jpegs.open("ab") as file:
        file.write(b"what no note speaks of")
    again, _ = prepare(storage="jpeg")
    straight, _ = prepare(storage="jpeg", sets=tmp_path / "straight")
    for name in ("train.jpegs", "val.jpegs", "index.json"):
        assert (again / name).read_bytes() == (straight / name).read_bytes()


@pytest.mark.usefixtures("interrupted")
def test_pixels_lost_in_an_interruption_are_decoded_again(prepare: Prepare, tmp_path: Path) -> None:
    (pixels,) = (tmp_path / "sets").rglob("train.u8")
    os.truncate(pixels, 100)
    again, _ = prepare()
    straight, _ = prepare(sets=tmp_path / "straight")
    assert (again / "train.u8").read_bytes() == (straight / "train.u8").read_bytes()


def test_prepared_once_it_is_not_prepared_again(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = prepare()
    monkeypatch.setattr(preparation, "decode_picture", None)
    assert prepare()[0] == first


def test_two_at_once_prepare_one_set(prepare: Prepare, tmp_path: Path) -> None:
    straight, _ = prepare(sets=tmp_path / "straight")
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: prepare()[0], range(2)))
    assert folders[0] == folders[1]
    assert (folders[0] / "train.u8").read_bytes() == (straight / "train.u8").read_bytes()


def test_too_small_a_disk_is_said_before_decoding(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(preparation.shutil, "disk_usage", lambda _: usage)
    told = r"take 0.0 GB and 0.0 GB are free; make room, or point XDG_CACHE_HOME to a larger disk"
    with pytest.raises(UserError, match=told + r", or set data.storage=jpeg \(an eighth\)$"):
        prepare()
    with pytest.raises(UserError, match=told + "$"):
        prepare(storage="jpeg")
