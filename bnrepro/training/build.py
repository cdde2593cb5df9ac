"""From config to objects: the explicit factories."""

from typing import assert_never

import torch
from rich.console import Console
from torch import nn

from bnrepro.config.options.data import Digits, ImageFolder, Mnist
from bnrepro.config.options.model import Cnn, ConvNet, Inception, Mlp, Python, Torchvision
from bnrepro.config.options.norm import (
    BatchNorm,
    BatchRenorm,
    BatchVariant,
    GhostBatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LayerNormalization,
    MeanOnlyBatchNorm,
    NoNorm,
    Whitening,
)
from bnrepro.config.options.optim import Adam, Sgd
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
from bnrepro.nn import Cnn as CnnNetwork
from bnrepro.nn import ConvNet as ConvNetwork
from bnrepro.nn import Inception as InceptionNetwork
from bnrepro.nn import (
    Initialization,
    Normalization,
    batch_norm,
    batch_norm_detached,
    batch_norm_ghost,
    batch_norm_mean_only,
    batch_norm_noisy,
    batch_norm_reference,
    batch_norm_synchronized,
    batch_renorm,
    group_norm,
    instance_norm,
    layer_norm,
    no_norm,
    whitening,
)
from bnrepro.nn import Mlp as MlpNetwork
from bnrepro.nn.training_form import training_form
from bnrepro.training.networks import build_python, build_torchvision
from bnrepro.training.optimizers import Adam as AdamOptimizer
from bnrepro.training.optimizers import GroupOptimizer, Optimizer
from bnrepro.training.optimizers import Sgd as SgdOptimizer
from bnrepro.training.step import TrainingStep


def crop_dataset(config: RunConfig, dataset: Dataset) -> Dataset:
    """Held-out images cut to the centre; training images too, unless they are cropped at random."""
    size = config.augmentation.size
    if size is None:
        return dataset
    cropped = dataset.crop_test(size)
    return cropped.crop_train(size) if config.augmentation.crop == "none" else cropped


def load_dataset(config: RunConfig, console: Console) -> Dataset:
    """Load the data set into memory, its images as they are stored.

    Args:
        config: the run.
        console: progress, where images have to be decoded first.

    Raises:
        UserError: its files are missing or damaged, or it holds less than a mini-batch.
    """
    match config.data:
        case Digits(threshold=threshold, size=size, channels=channels, scale=scale):
            dataset = load_digits(threshold, size, channels, scale)
        case Mnist(threshold=threshold, root=root, binarize=binarize):
            dataset = load_mnist(threshold, root, binarize)
        case ImageFolder() as images:
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
        sample=isinstance(config.data, Mnist) and config.data.binarize == "sample",
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
    match config.model:
        case Mlp() as options:
            return MlpNetwork(
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
        case Cnn(channels=maps, hidden=hidden, activation=activation, init_std=init_std):
            return CnnNetwork(
                image_shape=(channels, height, width),
                channels=maps,
                hidden=hidden,
                num_classes=num_classes,
                activation=activation,
                norm=norm,
                init_std=init_std,
                generator=generator,
            )
        case ConvNet(channels=maps_of_each, activation=activation, init=init):
            return ConvNetwork(
                in_channels=channels,
                channels=maps_of_each,
                num_classes=num_classes,
                activation=activation,
                norm=norm,
                init=Initialization(init),
                generator=generator,
            )
        case Inception() as options:
            return InceptionNetwork(
                num_classes=num_classes,
                activation=options.activation,
                norm=norm,
                init=Initialization(options.init, options.init_std, options.conv_gain),
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
        case Torchvision(name=name):
            return build_torchvision(name, num_classes, image_shape, norm, config.seed)
        case Python(factory=factory):
            return build_python(factory, num_classes, image_shape, norm, config.seed)
        case _:
            assert_never(config.model)


def make_step(config: RunConfig, dataset: Dataset, model: nn.Module) -> TrainingStep:
    """The parameter update of the run; with several groups, the gradient of one of them."""
    optimizer = make_optimizer(config, model)
    if config.groups > 1:
        optimizer = GroupOptimizer(optimizer)
    return TrainingStep(
        training_form(model), dataset.to_input, optimizer, getattr(torch, config.precision)
    )


def make_optimizer(config: RunConfig, model: nn.Module) -> Optimizer:
    """The run's optimizer."""
    match config.optim:
        case Sgd() as options:
            return SgdOptimizer(
                model,
                options.momentum,
                options.weight_decay,
                options.nesterov,
                options.bias_rate,
                options.bias_decay,
            )
        case Adam() as options:
            return AdamOptimizer(
                model,
                options.beta_1,
                options.beta_2,
                options.eps,
                options.weight_decay,
                decoupled=options.name == "adamw",
            )
        case _:
            assert_never(config.optim)


def make_normalization(config: RunConfig) -> Normalization:
    """The normalization that the network is built with."""
    if isinstance(config.norm, NoNorm):
        return no_norm()
    return _normalization(config.norm, config.groups).placed(
        config.norm.placement, config.norm.bias
    )


def _normalization(options: LayerNormalization, groups: int) -> Normalization:
    match options:
        case BatchNorm(group="all", eps=eps, momentum=momentum, gamma=gamma, beta=beta) if (
            groups > 1
        ):
            return batch_norm_synchronized(eps, momentum, gamma, beta)
        case BatchNorm(name="batch", eps=eps, momentum=momentum, gamma=gamma, beta=beta):
            return batch_norm(eps, momentum, gamma, beta)
        case BatchNorm(eps=eps, momentum=momentum, gamma=gamma, beta=beta):
            return batch_norm_reference(eps, momentum, gamma, beta)
        case BatchVariant(name="batch_detached", eps=eps, momentum=momentum):
            return batch_norm_detached(eps, momentum)
        case BatchVariant(eps=eps, momentum=momentum):
            return batch_norm_noisy(eps, momentum)
        case GhostBatchNorm(eps=eps, momentum=momentum, examples=examples):
            return batch_norm_ghost(examples, eps, momentum)
        case MeanOnlyBatchNorm(momentum=momentum):
            return batch_norm_mean_only(momentum)
        case BatchRenorm() as renorm:
            return batch_renorm(
                renorm.eps,
                renorm.momentum,
                renorm.r_max,
                renorm.d_max,
                renorm.plain_steps,
                renorm.rise_steps,
            )
        case Whitening(eps=eps, momentum=momentum, gradient=gradient):
            return whitening(eps, momentum, gradient)
        case LayerNorm(eps=eps):
            return layer_norm(eps)
        case GroupNorm(eps=eps, groups=groups):
            return group_norm(groups, eps)
        case InstanceNorm(eps=eps):
            return instance_norm(eps)
        case _:
            assert_never(options)
