import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from bnrepro.data import prepared
from bnrepro.data.augmentation import Augmentation
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.order import Shuffling
from bnrepro.data.prepared import load_prepared, prepare_images
from bnrepro.errors import UserError


def _image(mode: str = "RGB", size: tuple[int, int] = (20, 10), color: int = 0) -> Image.Image:
    pixels = np.random.default_rng(color).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    for split, count in (("train", 4), ("val", 2)):
        for label, name in enumerate("ab"):
            (folder / split / name).mkdir(parents=True)
            for i in range(count):
                image = _image(color=100 * label + 10 * i + (split == "val"))
                image.save(folder / split / name / f"{i}.png")
    return folder


def _prepare(tree: Path, tmp_path: Path, bad: prepared.BadImages = "error") -> tuple[Path, str]:
    told = io.StringIO()
    cache = tmp_path / "cache"
    console = Console(file=told, width=200)
    return prepare_images(tree, 8, None, bad, cache, console), told.getvalue()


def test_prepared_images_are_the_resized_centre_squares(tree: Path, tmp_path: Path) -> None:
    folder, _ = _prepare(tree, tmp_path)
    dataset = load_prepared(folder)
    assert dataset.train.images.shape == (8, 3, 8, 8)
    assert dataset.num_classes == 2
    classes = json.loads((folder / "index.json").read_text())["classes"]
    label = classes.index("a")
    first = dataset.train.images[dataset.train.labels == label][0]
    with Image.open(tree / "train" / "a" / "0.png") as image:
        square = image.resize((16, 8), Image.Resampling.BILINEAR).crop((4, 0, 12, 8))
    np.testing.assert_array_equal(first.permute(1, 2, 0), np.asarray(square))


def test_kinds_of_image_are_converted_and_told(tree: Path, tmp_path: Path) -> None:
    for name, mode in (("grey.png", "L"), ("palette.png", "P"), ("cmyk.jpg", "CMYK")):
        _image(mode).save(tree / "train" / "a" / name)
    folder, told = _prepare(tree, tmp_path)
    assert "train: 11 images" in told
    for mode in ("L", "P", "CMYK"):
        assert f"1 converted from {mode}" in told
    assert load_prepared(folder).train.images.shape == (11, 3, 8, 8)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "an empty file"), (b"<html>", "not an image"), (None, "a damaged image")],
)
def test_bad_image_is_named_and_dropped_only_on_request(
    tree: Path, tmp_path: Path, content: bytes | None, told: str
) -> None:
    bad = tree / "train" / "b" / "bad.png"
    _image(size=(200, 100)).save(bad)
    bad.write_bytes(bad.read_bytes()[:5000] if content is None else content)
    with pytest.raises(UserError, match=rf"bad.png: {told}.*data.bad_images=drop"):
        _prepare(tree, tmp_path)
    folder, said = _prepare(tree, tmp_path, "drop")
    assert "1 dropped" in said
    assert "dropped" in said
    assert len(load_prepared(folder).train) == 8


def test_images_in_both_splits_are_counted(tree: Path, tmp_path: Path) -> None:
    content = (tree / "train" / "a" / "0.png").read_bytes()
    (tree / "val" / "b" / "same.png").write_bytes(content)
    _, told = _prepare(tree, tmp_path)
    assert "1 images of val stand byte for byte in train" in told


def test_interrupted_preparation_goes_on_and_ends_the_same(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, _ = _prepare(tree, tmp_path / "straight")
    decoded = []
    decode = prepared._decode

    def counted(path: Path, size: int):
        decoded.append(path)
        if len(decoded) == 6:
            raise KeyboardInterrupt
        return decode(path, size)

    with monkeypatch.context() as patched:
        patched.setattr(prepared, "_CHUNK", 2)
        patched.setattr(prepared, "_decode", counted)
        with pytest.raises(KeyboardInterrupt):
            _prepare(tree, tmp_path)
        seen = len(decoded)
        again, _ = _prepare(tree, tmp_path)
    assert len(decoded) - seen < 12, "what was done is not done again"
    for name in ("train.u8", "val.u8"):
        assert (again / name).read_bytes() == (straight / name).read_bytes()


def test_prepared_once_it_is_not_prepared_again(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = _prepare(tree, tmp_path)
    monkeypatch.setattr(prepared, "_decode", None)
    assert _prepare(tree, tmp_path)[0] == first


def test_altered_pixels_are_refused(tree: Path, tmp_path: Path) -> None:
    folder, _ = _prepare(tree, tmp_path)
    content = bytearray((folder / "train.u8").read_bytes())
    content[7] ^= 1
    (folder / "train.u8").write_bytes(bytes(content))
    with pytest.raises(UserError, match=r"train.u8: missing or altered"):
        load_prepared(folder)


def test_network_receives_values_around_zero(tree: Path, tmp_path: Path) -> None:
    dataset = load_prepared(_prepare(tree, tmp_path)[0])
    extremes = torch.tensor([0, 255], dtype=torch.uint8)
    assert dataset.to_input(extremes.view(2, 1, 1, 1)).flatten().tolist() == [-1.0, 1.0]


def test_two_at_once_prepare_one_set(tree: Path, tmp_path: Path) -> None:
    straight, _ = _prepare(tree, tmp_path / "straight")
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: _prepare(tree, tmp_path)[0], range(2)))
    assert folders[0] == folders[1]
    assert (folders[0] / "train.u8").read_bytes() == (straight / "train.u8").read_bytes()


def test_large_set_is_read_from_its_file_and_gives_the_same_batches(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = _prepare(tree, tmp_path)
    in_memory = load_prepared(folder)
    monkeypatch.setattr(prepared, "_MAPPED_ABOVE", 0)
    mapped = load_prepared(folder)
    assert mapped.train.is_mapped
    assert not in_memory.train.is_mapped
    batches = [
        TrainingBatches(
            dataset.train,
            batch_size=3,
            seed=5,
            shuffling=Shuffling("full"),
            augmentation=Augmentation("random", 6, flip=True, distortion="weak"),
            device=torch.device("cpu"),
        )
        for dataset in (in_memory, mapped)
    ]
    for step in (0, 1, 2, 5, 3):  # into other epochs, and not in order
        for memory, file in zip(batches[0](step), batches[1](step), strict=True):
            assert torch.equal(memory, file)


def test_large_file_that_was_cut_short_is_refused(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = _prepare(tree, tmp_path)
    (folder / "train.u8").write_bytes((folder / "train.u8").read_bytes()[:-1])
    monkeypatch.setattr(prepared, "_MAPPED_ABOVE", 0)
    with pytest.raises(UserError, match=r"train.u8: missing or altered"):
        load_prepared(folder)


def test_too_small_a_disk_is_said_before_decoding(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(prepared.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"0.0 GB are free; make room, or point XDG_CACHE_HOME"):
        _prepare(tree, tmp_path)
