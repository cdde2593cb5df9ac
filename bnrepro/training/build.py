"""From config to objects: the explicit factories."""

from typing import assert_never

import torch
from torch import nn

from bnrepro.config.schema import (
    BatchNorm,
    Cnn,
    Digits,
    GroupNorm,
    LayerNorm,
    Mlp,
    Mnist,
    NoNorm,
    RunConfig,
)
from bnrepro.data import Dataset, load_digits, load_mnist
from bnrepro.errors import UserError
from bnrepro.nn import Cnn as CnnNetwork
from bnrepro.nn import Mlp as MlpNetwork
from bnrepro.nn import (
    Normalization,
    batch_norm,
    batch_norm_reference,
    group_norm,
    layer_norm,
    no_norm,
)


def make_dataset(config: RunConfig) -> Dataset:
    """Load the data set into memory.

    Raises:
        UserError: its files are missing or damaged, or it holds less than a mini-batch.
    """
    match config.data:
        case Digits(threshold=threshold):
            dataset = load_digits(threshold)
        case Mnist(threshold=threshold, root=root):
            dataset = load_mnist(threshold, root)
        case _:
            assert_never(config.data)
    dataset = dataset.limit_train(config.data.train_examples)
    if len(dataset.train) < config.batch_size:
        raise UserError(
            f"batch_size={config.batch_size}: data={config.data.name} has only "
            f"{len(dataset.train)} training examples"
        )
    return dataset


def make_model(config: RunConfig, dataset: Dataset) -> nn.Module:
    """Build the network on the CPU, its initial weights a function of the seed alone."""
    generator = torch.Generator().manual_seed(config.seed)
    norm = make_normalization(config)
    match config.model:
        case Mlp(hidden=widths, activation=activation, init_std=init_std):
            channels, height, width = dataset.image_shape
            return MlpNetwork(
                in_features=channels * height * width,
                hidden=widths,
                num_classes=dataset.num_classes,
                activation=activation,
                norm=norm,
                init_std=init_std,
                generator=generator,
            )
        case Cnn(channels=maps, hidden=hidden, activation=activation, init_std=init_std):
            return CnnNetwork(
                image_shape=dataset.image_shape,
                channels=maps,
                hidden=hidden,
                num_classes=dataset.num_classes,
                activation=activation,
                norm=norm,
                init_std=init_std,
                generator=generator,
            )
        case _:
            assert_never(config.model)


def make_normalization(config: RunConfig) -> Normalization:
    """The normalization that the network is built with."""
    match config.norm:
        case NoNorm():
            return no_norm()
        case BatchNorm(name="batch", eps=eps, momentum=momentum):
            return batch_norm(eps, momentum)
        case BatchNorm(eps=eps, momentum=momentum):
            return batch_norm_reference(eps, momentum)
        case LayerNorm(eps=eps):
            return layer_norm(eps)
        case GroupNorm(eps=eps, groups=groups):
            return group_norm(groups, eps)
        case _:
            assert_never(config.norm)
