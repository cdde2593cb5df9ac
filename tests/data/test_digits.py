from dataclasses import replace

import numpy as np
import torch
from rich.console import Console
from sklearn.datasets import load_digits as load_bunch
from torch.testing import assert_close

from bnrepro.config import load
from bnrepro.data.digits import load_digits
from bnrepro.training.build import load_dataset


def test_digits_are_binary_28x28_and_split_without_overlap() -> None:
    dataset = load_digits(threshold=127)
    assert dataset.image_shape == (1, 28, 28)
    assert (len(dataset.train), len(dataset.test), dataset.num_classes) == (1440, 357, 10)
    assert dataset.train.images.dtype == torch.uint8
    assert set(dataset.train.images.unique().tolist()) == {0, 1}
    assert set(dataset.test.labels.tolist()) == set(range(10))


def test_threshold_moves_what_is_ink() -> None:
    assert load_digits(200).train.images.sum() < load_digits(50).train.images.sum()


def test_inputs_are_multiplied_as_the_config_says() -> None:
    grey = load_digits(None, channels=3, scale="unit")
    images = grey.test.images[:5]
    assert_close(grey.amplify(10).to_input(images), 10 * grey.to_input(images))
    by_channel = replace(grey, input_mean=(1.0, 2.0, 3.0), input_scale=(4.0, 5.0, 6.0))
    assert_close(by_channel.amplify(0.1).to_input(images), 0.1 * by_channel.to_input(images))
    config = load(["input_factor=100", "data=digits"])
    dataset = load_dataset(config, Console(quiet=True))
    assert dataset.to_input(dataset.test.images).max() == 100


def test_first_examples_are_kept() -> None:
    dataset = load_digits(127)
    limited = dataset.limit_train(60)
    assert torch.equal(limited.train.images, dataset.train.images[:60])
    assert len(limited.test) == len(dataset.test)


def test_they_are_scikit_learns() -> None:
    dataset = load_digits(None, size=8)
    images = torch.cat([dataset.test.images, dataset.train.images]).flatten(1)
    labels = torch.cat([dataset.test.labels, dataset.train.labels])
    bunch = load_bunch()
    order = np.random.default_rng(2015).permutation(len(bunch.target))
    greys = torch.from_numpy(bunch.data[order] * (255 / 16)).float().round().to(torch.uint8)
    assert torch.equal(images, greys)
    assert torch.equal(labels, torch.from_numpy(bunch.target[order]))
