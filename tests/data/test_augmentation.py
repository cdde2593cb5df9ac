import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from bnrepro.data.augmentation import (
    Augmentation,
    Augmenter,
    distort,
    random_crop,
    random_resized_crop,
)

CPU = torch.device("cpu")
ALL = Augmentation("random", 12, flip=True, distortion="strong")


def _images(count: int = 40, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)


def _draws(count: int, value: float) -> Tensor:
    return torch.full((count, 8), value)


@pytest.mark.parametrize("crop", ["none", "random", "random_resized"])
def test_what_an_example_becomes_depends_on_seed_epoch_and_index_alone(crop: str) -> None:
    images = _images()
    augmentation = Augmentation(crop, 16 if crop == "none" else 12, True, "weak")
    indices = torch.arange(40)

    def augment(seed: int, epoch: int, chosen: Tensor) -> Tensor:
        augmenter = Augmenter(augmentation, 40, seed, CPU)
        return augmenter(images[chosen], augmenter.draws(chosen, epoch))

    together = augment(1, 2, indices)
    torch.testing.assert_close(augment(1, 2, indices[[30, 7]]), together[[30, 7]])
    assert not torch.equal(augment(1, 3, indices), together)
    assert not torch.equal(augment(2, 2, indices), together)


def test_nothing_asked_for_is_nothing_done() -> None:
    images = _images()
    nothing = Augmenter(Augmentation("none", 16, False, "none"), 40, 0, CPU)
    assert nothing(images, nothing.draws(torch.arange(40), 0)) is images


def test_crops_are_windows_of_the_image_and_reach_everywhere() -> None:
    images = _images(1).expand(3000, -1, -1, -1)
    draws = torch.rand(3000, 8, generator=torch.Generator().manual_seed(0))
    crops = random_crop(images, draws, 12)
    windows = {
        images[0, :, top : top + 12, left : left + 12].numpy().tobytes()
        for top in range(5)
        for left in range(5)
    }
    assert {crop.contiguous().numpy().tobytes() for crop in crops} == windows


def test_half_of_the_images_are_mirrored() -> None:
    images = _images(1000)
    augmenter = Augmenter(Augmentation("none", 16, True, "none"), 1000, 0, CPU)
    flipped = augmenter(images, augmenter.draws(torch.arange(1000), 0))
    mirrored = (flipped == images.flip(3)).all(dim=3).all(dim=2).all(dim=1)
    same = (flipped == images).all(dim=3).all(dim=2).all(dim=1)
    assert (mirrored | same).all()
    assert 430 < mirrored.sum() < 570


def test_resized_crop_of_the_whole_image_is_the_image() -> None:
    images = _images(2)
    whole = _draws(2, 0.5)
    whole[:, 2] = 1.0  # all of the area, at aspect 1
    crops = random_resized_crop(images, whole, 16)
    torch.testing.assert_close(crops, images.float(), atol=1e-2, rtol=0)


def test_resized_crops_hold_8_to_100_percent_within_the_image() -> None:
    ramp = torch.linspace(0, 255, 64).view(1, 1, 1, 64).expand(500, 3, 64, 64)
    draws = torch.rand(500, 8, generator=torch.Generator().manual_seed(0))
    crops = random_resized_crop(ramp, draws, 32)
    widths = (crops[:, 0, 0, -1] - crops[:, 0, 0, 0]) / 255
    assert widths.min() > 0.08
    assert widths.max() > 0.9
    assert crops.min() >= 0
    assert crops.max() <= 255


@pytest.mark.parametrize(
    ("draw", "adjust"),
    [
        (5, reference.adjust_brightness),
        (6, reference.adjust_contrast),
        (7, reference.adjust_saturation),
    ],
)
@pytest.mark.parametrize("value", [0.1, 0.8])
def test_each_distortion_is_torchvisions(draw: int, adjust, value: float) -> None:
    images = _images(3)
    draws = _draws(3, 0.5)
    draws[:, draw] = value
    factor = 1 + 0.5 * (2 * value - 1)
    expected = adjust(images.float() / 255, factor) * 255
    # torchvision takes contrast about the mean of the grey image, which is close to ours.
    tolerance = 6.0 if draw == 6 else 0.5
    torch.testing.assert_close(distort(images, draws, 0.5), expected, atol=tolerance, rtol=0)


def test_all_together_stays_in_range() -> None:
    images = _images()
    augmenter = Augmenter(ALL, 40, 0, CPU)
    augmented = augmenter(images, augmenter.draws(torch.arange(40), 0))
    assert augmented.shape == (40, 3, 12, 12)
    assert augmented.min() >= 0
    assert augmented.max() <= 255
