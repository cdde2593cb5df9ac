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
