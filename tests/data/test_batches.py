"""A mini-batch from fixed buffers, as a CUDA graph makes it: the same as from the step itself."""

import pytest
import torch

from bnrepro.data.augmentation import Augmentation
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Split
from bnrepro.data.order import FULL

IDENTITY = Augmentation("none", 8, False, "none")
STRONG = Augmentation("random", 6, True, "strong")


@pytest.mark.parametrize("augmentation", [IDENTITY, STRONG])
@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("is_mapped", [False, True])
def test_all_that_depends_on_the_step_is_in_the_ingredients(
    augmentation: Augmentation, sample: bool, is_mapped: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (20, 3, 8, 8), dtype=torch.uint8, generator=generator)
    split = Split(images, torch.arange(20), is_mapped)
    batches = TrainingBatches(split, 4, 3, FULL, augmentation, torch.device("cpu"), sample)
    buffers = [part.clone() for part in batches.ingredients(0)]
    for step in (1, 4, 5, 12):  # of three epochs
        for buffer, part in zip(buffers, batches.ingredients(step), strict=True):
            assert (buffer.shape, buffer.dtype) == (part.shape, part.dtype)
            buffer.copy_(part)
        batches.ingredients(0)  # nothing of it is kept
        made, labels = batches.make(*buffers)
        expected, expected_labels = batches(step)
        assert torch.equal(made, expected)
        assert torch.equal(labels, expected_labels)


@pytest.mark.parametrize("kept", [True, False])
def test_first_images_are_those_of_the_first_steps(
    kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = torch.arange(20 * 64, dtype=torch.int64).to(torch.uint8).view(20, 1, 8, 8)
    split = Split(images, torch.arange(20))
    batches = TrainingBatches(split, 4, 3, FULL, IDENTITY, torch.device("cpu"), sample=True)
    expected = [batches(step)[0] for step in range(3)]
    monkeypatch.setattr("bnrepro.data.batches._KEPT_BYTES", 3 * 4 * 64 - (not kept))
    made, make = [], batches.make
    monkeypatch.setattr(batches, "make", lambda *parts: made.append(1) or make(*parts))
    for _ in range(2):
        assert all(map(torch.equal, batches.first_images(3), expected))
    assert len(made) == (3 if kept else 6)
