from collections import Counter

import pytest
import torch

from bnrepro.inference.crops import Crop, crop_boxes, views


def _marked(height: int, width: int) -> torch.Tensor:
    """One image whose two channels are each pixel's own row and column."""
    rows = torch.arange(height, dtype=torch.uint8).view(1, height, 1).expand(1, height, width)
    columns = torch.arange(width, dtype=torch.uint8).view(1, 1, width).expand(1, height, width)
    return torch.cat([rows, columns])[None]


def _corners(view: torch.Tensor) -> tuple[int, ...]:
    """Top, left, bottom, right of what a marked view shows."""
    top, left = view[0, :, 0, 0].tolist()
    bottom, right = view[0, :, -1, -1].tolist()
    return top, left, bottom, right


@pytest.mark.parametrize("count", [1, 10, 144])
@pytest.mark.parametrize(("height", "width", "size"), [(64, 64, 56), (64, 90, 56), (28, 28, 28)])
def test_there_are_as_many_as_asked_for_and_all_fit(
    count: int, height: int, width: int, size: int
) -> None:
    images = torch.zeros(2, 3, height, width, dtype=torch.uint8)
    found = list(views(images, size, count))
    assert sum(times for times, _ in found) == count == len(crop_boxes(height, width, size, count))
    for _, view in found:
        assert view.shape == (2, 3, size, size)


def test_one_crop_is_the_centre_as_stored() -> None:
    [(times, view)] = views(_marked(64, 72), 56, 1)
    assert times == 1
    assert _corners(view) == (4, 8, 59, 63)


def test_ten_crops_are_corners_and_centre_with_their_mirror_images() -> None:
    found = [_corners(view) for _, view in views(_marked(64, 64), 56, 10)]
    boxes = {(0, 0, 55, 55), (0, 8, 55, 63), (8, 0, 63, 55), (8, 8, 63, 63), (4, 4, 59, 59)}
    mirrored = {(top, right, bottom, left) for top, left, bottom, right in boxes}
    assert set(found) == boxes | mirrored
    assert len(found) == 10


def test_144_are_four_sizes_three_squares_six_crops_and_two_mirrors() -> None:
    crops = crop_boxes(256, 512, 224, 144)
    assert len(set(crops)) == 144, "of a wide image all are different"
    assert Counter(crop.shorter for crop in crops) == dict.fromkeys((256, 288, 320, 352), 36)
    assert sum(crop.mirrored for crop in crops) == 72
    # At the smallest size nothing is scaled: the boxes are those of the image itself.
    smallest = {crop[1:4] for crop in crops if crop.shorter == 256}
    expected = set()
    for left in (0, 128, 256):
        expected |= {(top, left + across, 224) for top in (0, 32) for across in (0, 32)}
        expected |= {(16, left + 16, 224), (0, left, 256)}
    assert smallest == expected
    tall = {(crop.left, crop.top, crop.side) for crop in crop_boxes(512, 256, 224, 144)}
    assert tall == {(crop.top, crop.left, crop.side) for crop in crops}


def test_144_of_a_square_image_are_48_three_times() -> None:
    assert set(Counter(crop_boxes(64, 64, 56, 144)).values()) == {3}
    assert [times for times, _ in views(_marked(64, 64), 56, 144)] == [3] * 48


def test_boxes_show_that_part_of_the_image_and_whole_squares_are_resized() -> None:
    image = _marked(64, 128)
    boxes = list(dict.fromkeys(crop_boxes(64, 128, 56, 144)))
    for box, (_, view) in zip(boxes, views(image, 56, 144), strict=True):
        top, left, bottom, right = _corners(view)
        if box.mirrored:
            left, right = right, left
        scale = 64 / box.shorter
        inside = (box.top, box.left, box.top + box.side - 1, box.left + box.side - 1)
        for seen, at in zip((top, left, bottom, right), inside, strict=True):
            assert seen == pytest.approx(scale * at, abs=1.5), box


def test_binary_pixels_stay_binary() -> None:
    images = torch.randint(0, 2, (3, 1, 28, 28), dtype=torch.uint8)
    for _, view in views(images, 28, 144):
        assert set(view.unique().tolist()) <= {0, 1}


def test_other_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="choose 1, 10 or 144"):
        crop_boxes(64, 64, 56, 7)
    assert crop_boxes(64, 64, 56, 1) == [Crop(64, 4, 4, 56, False)]
