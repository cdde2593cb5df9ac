import numpy as np
import torch

from bnrepro.data.sampling import draw_thresholds, sample_pixels


def test_pixel_is_1_with_its_grey_level_as_the_probability() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(400, -1, -1, -1)
    thresholds = draw_thresholds(tuple(levels.shape), seed=0, step=0)
    shares = sample_pixels(levels, thresholds).float().mean(0).flatten()
    assert shares[0] == 0
    assert shares[255] == 1
    torch.testing.assert_close(shares, torch.arange(256) / 255, atol=0.11, rtol=0)


def test_draws_are_those_of_published_runs() -> None:
    """Resumed and verified runs depend on it: the numbers that numpy's own integers gives."""
    for step, count in ((0, 1), (7, 1000), (49_999, 60 * 784)):
        images = torch.full((1, 1, 1, count), 128, dtype=torch.uint8)
        levels = np.random.default_rng([5, step, 3]).integers(255, size=count, dtype=np.uint8)
        assert torch.equal(
            sample_pixels(images, draw_thresholds((1, 1, 1, count), 5, step)).flatten(),
            torch.from_numpy(levels < 128).byte(),
        )
