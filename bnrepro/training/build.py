"""From config to objects: the explicit factories."""

from typing import assert_never

import torch
from rich.console import Console
from torch import nn

import bnrepro.nn as networks
from bnrepro.config.options import data as data_options
from bnrepro.config.options import model as model_options
from bnrepro.config.options import norm as norm_options
from bnrepro.config.options import optim as optim_options
from bnrepro.config.schema import RunConfig
from bnrepro.data.augmentation import Augmentation
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Dataset
from bnrepro.data.digits import load_digits
from bnrepro.data.image_folder import prepare_image_folder
from bnrepro.data.mnist import load_mnist
from bnrepro.data.order import Shuffling
from bnrepro.data.prepared import load_prepared
from bnrepro.errors import UserError
from bnrepro.nn.training_form import training_form
from bnrepro.training import optimizers
from bnrepro.training.networks import Blueprint, build_python, build_torchvision
from bnrepro.training.step import TrainingStep


def crop_dataset(config: RunConfig, dataset: Dataset) -> Dataset:
    """Held-out images cut to the centre; training images too, unless they are cropped at random."""
    size = config.augmentation.size
    if size is None:
        return dataset
    return dataset.crop(size, train=config.augmentation.crop == "none")


def load_dataset(config: RunConfig, console: Console) -> Dataset:
    """Load the data set into memory, its images as they are stored.

    Args:
        config: the run.
        console: progress, where images have to be decoded first.

    Raises:
        UserError: its files are missing or damaged, or it holds less than a mini-batch.
    """
    match config.data:
        case data_options.Digits(threshold=threshold, size=size, channels=channels, scale=scale):
            dataset = load_digits(threshold, size, channels, scale)
        case data_options.Mnist(threshold=threshold, root=root, binarize=binarize):
            dataset = load_mnist(threshold, root, binarize)
        case data_options.ImageFolder() as images:
            dataset = load_prepared(
                prepare_image_folder(
                    images.folder,
                    images.stored_size,
                    images.num_classes,
                    images.bad_images,
                    images.root,
                    console,
                    images.storage,
                ),
                images.scale,
            )
        case _:
            assert_never(config.data)
    dataset = dataset.limit_train(config.data.train_examples).amplify(config.input_factor)
    together = config.normalized_examples
    if len(dataset.train) < together:
        groups = f" norm.group=all groups={config.groups}" if together > config.batch_size else ""
        raise UserError(
            f"batch_size={config.batch_size}{groups}: data={config.data.name} has only "
            f"{len(dataset.train)} training examples"
        )
    return dataset


def make_batches(config: RunConfig, dataset: Dataset, device: torch.device) -> TrainingBatches:
    """The run's training mini-batches, on the device."""
    _, height, _ = dataset.image_shape
    chosen = config.augmentation
    return TrainingBatches(
        dataset.train,
        config.batch_size,
        config.seed,
        Shuffling(config.order.shuffle, config.order.shard_examples),
        Augmentation(chosen.crop, chosen.size or height, chosen.flip, chosen.distortion),
        device,
        sample=isinstance(config.data, data_options.Mnist) and config.data.binarize == "sample",
    )


def make_population_batches(
    config: RunConfig, dataset: Dataset, device: torch.device
) -> TrainingBatches:
    """The training mini-batches as batch normalization sees them: of all groups, if it does."""
    together = config.model_copy(update={"batch_size": config.normalized_examples})
    return make_batches(together, dataset, device)


def make_model(config: RunConfig, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build the network on the CPU, its initial weights a function of the seed alone.

    Args:
        config: the run.
        image_shape: (C, H, W) of what the network receives.
        num_classes: size of the output.

    Raises:
        UserError: a network that is not this project's cannot be built, or cannot take such images.
    """
    generator = torch.Generator().manual_seed(config.seed)
    norm = make_normalization(config)
    channels, height, width = image_shape
    blueprint = Blueprint(num_classes, image_shape, norm, config.seed)
    match config.model:
        case model_options.Mlp() as options:
            return networks.Mlp(
                in_features=channels * height * width,
                hidden=options.hidden,
                num_classes=num_classes,
                activation=options.activation,
                norm=norm,
                init_std=options.init_std,
                generator=generator,
                dropout=options.dropout,
                dropout_place=options.dropout_place,
            )
        case model_options.Cnn(
            channels=maps, hidden=hidden, activation=activation, init_std=init_std
        ):
            return networks.Cnn(
                image_shape=(channels, height, width),
                channels=maps,
                hidden=hidden,
                num_classes=num_classes,
                activation=activation,
                norm=norm,
                init_std=init_std,
                generator=generator,
            )
        case model_options.ConvNet(channels=maps_of_each, activation=activation, init=init):
            return networks.ConvNet(
                in_channels=channels,
                channels=maps_of_each,
                num_classes=num_classes,
                activation=activation,
                norm=norm,
                init=networks.Initialization(init),
                generator=generator,
            )
        case model_options.Inception() as options:
            return networks.Inception(
                num_classes=num_classes,
                activation=options.activation,
                norm=norm,
                init=networks.Initialization(options.init, options.init_std, options.conv_gain),
                generator=generator,
                in_channels=channels,
                image_size=height,
                width=options.width,
                dropout=options.dropout,
                lrn=options.lrn,
                separable_stem=options.separable_stem,
                sums=options.sums,
                aux_head=options.aux_head,
                per_activation_modules=options.per_activation_modules,
            )
        case model_options.Torchvision(name=name):
            return build_torchvision(name, blueprint)
        case model_options.Python(factory=factory):
            return build_python(factory, blueprint)
        case _:
            assert_never(config.model)


def make_step(config: RunConfig, dataset: Dataset, model: nn.Module) -> TrainingStep:
    """The parameter update of the run; with several groups, the gradient of one of them."""
    optimizer = make_optimizer(config, model)
    if config.groups > 1:
        optimizer = optimizers.GroupOptimizer(optimizer)
    return TrainingStep(
        training_form(model), dataset.to_input, optimizer, getattr(torch, config.precision)
    )


def make_optimizer(config: RunConfig, model: nn.Module) -> optimizers.Optimizer:
    """The run's optimizer."""
    match config.optim:
        case optim_options.Sgd() as options:
            return optimizers.Sgd(
                model,
                options.momentum,
                options.weight_decay,
                options.nesterov,
                options.bias_rate,
                options.bias_decay,
            )
        case optim_options.Adam() as options:
            return optimizers.Adam(
                model,
                options.beta_1,
                options.beta_2,
                options.eps,
                options.weight_decay,
                decoupled=options.name == "adamw",
            )
        case _:
            assert_never(config.optim)


def make_normalization(config: RunConfig) -> networks.Normalization:
    """The normalization that the network is built with."""
    if isinstance(config.norm, norm_options.NoNorm):
        return networks.no_norm()
    return _normalization(config.norm, config.groups).placed(
        config.norm.placement, config.norm.bias
    )


def _normalization(options: norm_options.LayerNormalization, groups: int) -> networks.Normalization:
    match options:
        case norm_options.BatchNorm() as batch:
            build = networks.batch_norm if batch.name == "batch" else networks.batch_norm_reference
            if batch.group == "all" and groups > 1:
                build = networks.batch_norm_synchronized
            return build(batch.eps, batch.momentum, batch.gamma, batch.beta)
        case norm_options.BatchVariant(name="batch_detached", eps=eps, momentum=momentum):
            return networks.batch_norm_detached(eps, momentum)
        case norm_options.BatchVariant(eps=eps, momentum=momentum):
            return networks.batch_norm_noisy(eps, momentum)
        case norm_options.GhostBatchNorm(eps=eps, momentum=momentum, examples=examples):
            return networks.batch_norm_ghost(examples, eps, momentum)
        case norm_options.MeanOnlyBatchNorm(momentum=momentum):
            return networks.batch_norm_mean_only(momentum)
        case norm_options.BatchRenorm() as renorm:
            return networks.batch_renorm(
                renorm.eps,
                renorm.momentum,
                renorm.r_max,
                renorm.d_max,
                renorm.plain_steps,
                renorm.rise_steps,
            )
        case norm_options.Whitening(eps=eps, momentum=momentum, gradient=gradient):
            return networks.whitening(eps, momentum, gradient)
        case norm_options.LayerNorm(eps=eps):
            return networks.layer_norm(eps)
        case norm_options.GroupNorm(eps=eps, groups=groups):
            return networks.group_norm(groups, eps)
        case norm_options.InstanceNorm(eps=eps):
            return networks.instance_norm(eps)
        case _:
            assert_never(options)
