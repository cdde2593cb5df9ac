"""ImageNet from its official files."""

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console

from bnrepro.data import imagenet
from bnrepro.data.catalog import verify
from bnrepro.data.image_folder import prepare_image_folder
from bnrepro.data.prepared import load_prepared
from bnrepro.errors import UserError
from tests.data.conftest import noise
from tests.data.official import DEVKIT, TRAIN, VAL, write_archives

CLASSES = ("n01440764", "n01443537", "n07768694")


def _jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    noise(seed=seed).save(file, "jpeg")
    return file.getvalue()


def _grey(label: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 10), (40 * label,) * 3).save(file, "jpeg")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archives of three classes, where they are looked for."""
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    train = {name: [_jpeg(10 * i + j) for j in range(3)] for i, name in enumerate(CLASSES)}
    # Not in the order of the classes, as the original; each grey belongs to a class.
    val = [(CLASSES[i], _grey(i)) for i in (2, 0, 1, 2)]
    write_archives(tmp_path / "data" / "imagenet", train, val)
    return tmp_path / "data" / "imagenet"


def _prepare(**changes: object) -> tuple[Path, str]:
    told = io.StringIO()
    options = {"num_classes": None, "bad_images": "error", "root": None, **changes}
    console = Console(file=told, width=250)
    return prepare_image_folder("imagenet", 8, console=console, **options), told.getvalue()


def _unpack(folder: Path) -> None:
    """Into train/<class>/ and a flat val/, as people do."""
    with tarfile.open(folder / TRAIN) as archive:
        archive.extractall(folder / "train", filter="data")
    for inner in sorted((folder / "train").glob("*.tar")):
        with tarfile.open(inner) as archive:
            archive.extractall(inner.with_suffix(""), filter="data")
        inner.unlink()
    with tarfile.open(folder / VAL) as archive:
        archive.extractall(folder / "val", filter="data")


def test_archives_and_unpacked_archives_are_one_set(folder: Path) -> None:
    archived = load_prepared(_prepare()[0])
    _unpack(folder)
    unpacked = load_prepared(_prepare()[0])
    for of_archives, of_tree in (
        (archived.train, unpacked.train),
        (archived.test, unpacked.test),
    ):
        assert torch.equal(of_archives.images, of_tree.images)
        assert torch.equal(of_archives.labels, of_tree.labels)
    assert archived.class_names == unpacked.class_names
    assert len(archived.train) == 9


def test_ground_truth_and_words_are_the_devkits(folder: Path) -> None:
    dataset = load_prepared(_prepare()[0])
    greys = dataset.test.images.float().mean(dim=(1, 2, 3))
    described = [
        f"{CLASSES[round(float(grey) / 40)]} word of {CLASSES[round(float(grey) / 40)]}, other"
        for grey in greys
    ]
    assert [dataset.class_names[label] for label in dataset.test.labels] == described
    assert len(set(described)) == 3


def test_fewer_classes_read_their_own_archives_alone(folder: Path) -> None:
    dataset = load_prepared(_prepare(num_classes=2)[0])
    assert (dataset.num_classes, len(dataset.train)) == (2, 6)


def test_prepared_once_the_members_are_not_listed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = _prepare()
    monkeypatch.setattr("bnrepro.data.image_tree.train_images", None)
    assert _prepare()[0] == first


@pytest.mark.parametrize("name", [TRAIN, VAL, DEVKIT])
def test_missing_archive_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"imagenet: {name} missing; get .* image-net.org") as told:
        _prepare()
    assert "\n" not in str(told.value)


def test_imagenet_that_is_nowhere_is_asked_for(folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(UserError, match=r"data/imagenet: ImageNet is not there; get ILSVRC2012_"):
        _prepare()


@pytest.mark.parametrize("name", [TRAIN, VAL])
def test_archive_that_is_cut_short_is_named(folder: Path, name: str) -> None:
    os.truncate(folder / name, (folder / name).stat().st_size // 2)
    with pytest.raises(UserError, match=rf"{name}: no archive, or cut short .*; get it again$"):
        _prepare()


def test_devkit_that_is_none_is_named(folder: Path) -> None:
    (folder / DEVKIT).write_bytes(b"<html>")
    with pytest.raises(UserError, match=rf"{DEVKIT}: not ImageNet's devkit, or damaged"):
        _prepare()


def test_devkit_of_other_images_is_refused(folder: Path) -> None:
    _unpack(folder)
    next((folder / "val").iterdir()).unlink()
    with pytest.raises(UserError, match=r"3 validation images, but .*devkit has classes of 4;"):
        _prepare()


def test_flat_validation_images_need_the_devkit(folder: Path) -> None:
    _unpack(folder)
    (folder / DEVKIT).unlink()
    with pytest.raises(UserError, match=r"val: images without folders .*; put ILSVRC2012_devkit"):
        _prepare()


def test_official_archives_are_compared_with_their_checksums(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = _prepare(num_classes=2)
    assert told.count("its checksum was not compared") == 3, "of these sizes none is official"
    official = {
        name: imagenet._Official(
            (folder / name).stat().st_size,
            hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest(),
        )
        for name in (TRAIN, VAL, DEVKIT)
    }
    monkeypatch.setattr(imagenet, "_OFFICIAL", official)
    _, told = _prepare()
    assert told.count(": the official file\n") == 3
    good = verify("imagenet")
    assert [line.partition(": ")[2] for line in good[3:5]] == [
        "9 images of 3 classes",
        "4 images of 3 classes",
    ]
    content = bytearray((folder / VAL).read_bytes())
    content[700] ^= 1
    (folder / VAL).write_bytes(content)
    with pytest.raises(UserError, match=rf"{VAL}: damaged \(its MD5 is not .*; get it again"):
        verify("imagenet")
