import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bnrepro.data import prepared
from bnrepro.data.augmentation import Augmentation
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.catalog import verify
from bnrepro.data.dataset import Split, centre_crop
from bnrepro.data.order import Shuffling
from bnrepro.data.prepared import load_prepared
from bnrepro.data.prepared_files import prepared_sets, verify_prepared
from bnrepro.errors import UserError
from tests.data.conftest import Prepare


def _flip(path: Path, position: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("verifies", [False, True], ids=["load", "verify"])
def test_altered_pixels_are_refused(prepare: Prepare, tmp_path: Path, verifies: bool) -> None:
    folder, _ = prepare()
    _flip(folder / "train.u8", 7)
    with pytest.raises(UserError, match=r"train.u8: missing or altered; remove .* prepared again"):
        verify_prepared(tmp_path / "sets") if verifies else load_prepared(folder)


def test_every_changed_byte_of_the_index_is_refused(prepare: Prepare, tmp_path: Path) -> None:
    folder, _ = prepare()
    index = folder / "index.json"
    original = index.read_bytes()
    refusal = r"^[^\n]*index.json: missing or altered; remove [^\n]* prepared again$"
    for position in range(len(original)):
        _flip(index, position, bit=position % 8)
        with pytest.raises(UserError, match=refusal):
            load_prepared(folder)
        index.write_bytes(original)
    for content in (b"", original[:-1], original + b"\n", b"[]", b"{}", b"null"):
        index.write_bytes(content)
        with pytest.raises(UserError, match=refusal):
            verify_prepared(tmp_path / "sets")


def test_verification_reads_large_sets_as_well(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = prepare()
    monkeypatch.setattr(prepared, "_MAPPED_ABOVE", 0)
    _flip(folder / "val.u8", 7)
    load_prepared(folder)  # does not read what no mini-batch asks for
    with pytest.raises(UserError, match=r"val.u8: missing or altered"):
        verify_prepared(tmp_path / "sets")


def test_verification_names_the_sets_of_a_source(prepare: Prepare, tmp_path: Path) -> None:
    sets = tmp_path / "sets"
    assert verify_prepared(sets) == []
    first, _ = prepare()
    second, _ = prepare("drop")
    told = [f"{folder}: prepared images, 8 of train and 4 of val" for folder in (first, second)]
    assert verify_prepared(sets) == verify_prepared(sets, "set") == sorted(told)
    assert verify_prepared(sets, "other") == []


def test_verifying_an_image_set_checks_what_was_prepared_from_it(
    tree: Path, prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BNREPRO_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tree.rename(tmp_path / "imagenette2-160")
    (tmp_path / "set").symlink_to("imagenette2-160")
    assert len(verify("imagenette")) == 2
    folder, _ = prepare(sets=prepared_sets())
    folder = folder.rename(folder.with_name(folder.name.replace("set", "imagenette2-160")))
    assert len(verify("imagenette")) == 3
    assert len(verify("image_folder")) == 1
    _flip(folder / "index.json", 100)
    for name in ("imagenette", "image_folder"):
        with pytest.raises(UserError, match=r"index.json: missing or altered"):
            verify(name)


def test_network_receives_values_around_zero(prepare: Prepare) -> None:
    dataset = load_prepared(prepare()[0])
    extremes = torch.tensor([0, 255], dtype=torch.uint8)
    assert dataset.to_input(extremes.view(2, 1, 1, 1)).flatten().tolist() == [-1.0, 1.0]


def test_large_set_is_read_from_its_file_and_gives_the_same_batches(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = prepare()
    in_memory = load_prepared(folder)
    monkeypatch.setattr(prepared, "_MAPPED_ABOVE", 0)
    mapped = load_prepared(folder)
    assert mapped.train.is_mapped
    assert not in_memory.train.is_mapped
    batches = [_batches(dataset.train) for dataset in (in_memory, mapped)]
    for step in (0, 1, 2, 5, 3):  # into other epochs, and not in order
        for memory, file in zip(batches[0](step), batches[1](step), strict=True):
            assert torch.equal(memory, file)


def _batches(split: Split) -> TrainingBatches:
    return TrainingBatches(
        split,
        batch_size=3,
        seed=5,
        shuffling=Shuffling("full"),
        augmentation=Augmentation("random", 6, flip=True, distortion="weak"),
        device=torch.device("cpu"),
    )


def test_jpegs_are_decoded_as_they_are_asked_for(prepare: Prepare) -> None:
    pixels, jpegs = (load_prepared(prepare(storage=form)[0]) for form in ("pixels", "jpeg"))
    assert jpegs.image_shape == pixels.image_shape
    assert jpegs.class_names == pixels.class_names
    decoded = jpegs.test.images.to("cpu")
    # Of noise JPEG keeps little: as much as of an image that Pillow has compressed alike.
    for image, compressed in zip(pixels.test.images, decoded, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "jpeg", quality=90)
        assert np.array_equal(compressed.permute(1, 2, 0), np.asarray(Image.open(file)))
    chosen = torch.tensor([3, 1])
    assert torch.equal(jpegs.test.images[chosen].to("cpu"), decoded[chosen])
    assert torch.equal(jpegs.test.images[1:3].to("cpu"), decoded[1:3])
    parts = [part.to("cpu") for part in jpegs.test.images.split(3)]
    assert torch.equal(torch.cat(parts), decoded)
    cropped = jpegs.limit_train(5).crop(6, train=False).to(torch.device("cpu"))
    assert torch.equal(cropped.test.images.to("cpu"), centre_crop(decoded, 6))
    assert cropped.input_shape == (3, 6, 6)
    assert len(cropped.train) == len(cropped.train.images) == 5


def test_mini_batches_of_jpegs_are_those_of_their_pixels(prepare: Prepare) -> None:
    jpegs = load_prepared(prepare(storage="jpeg")[0]).train
    ahead, at_once = _batches(jpegs), _batches(Split(jpegs.images.to("cpu"), jpegs.labels))
    for step in (0, 1, 2, 9, 3):
        for one, other in zip(ahead(step), at_once(step), strict=True):
            assert torch.equal(one, other)


def test_altered_jpegs_are_refused(prepare: Prepare, tmp_path: Path) -> None:
    folder, _ = prepare(storage="jpeg")
    _flip(folder / "train.jpegs", 7)
    for read in (lambda: load_prepared(folder), lambda: verify_prepared(tmp_path / "sets")):
        with pytest.raises(UserError, match=r"train.jpegs: missing or altered"):
            read()


def test_jpegs_without_their_decoder_are_refused_before_training(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = prepare(storage="jpeg")
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with pytest.raises(UserError, match=r"^data.storage=jpeg: .* pip install '\.\[jpeg\]'"):
        load_prepared(folder)


def test_large_file_that_was_cut_short_is_refused(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = prepare()
    (folder / "train.u8").write_bytes((folder / "train.u8").read_bytes()[:-1])
    monkeypatch.setattr(prepared, "_MAPPED_ABOVE", 0)
    with pytest.raises(UserError, match=r"train.u8: missing or altered"):
        load_prepared(folder)
