from pathlib import Path

import pytest
import torch

from bnrepro.data import prepared
from bnrepro.data.augmentation import Augmentation
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.catalog import verify
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
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = prepare()
    (folder / "train.u8").write_bytes((folder / "train.u8").read_bytes()[:-1])
    monkeypatch.setattr(prepared, "_MAPPED_ABOVE", 0)
    with pytest.raises(UserError, match=r"train.u8: missing or altered"):
        load_prepared(folder)
