"""Networks and normalizations. Knows nothing of data, configs or training."""

from bnrepro.nn.batch_norm import BatchNorm
from bnrepro.nn.batch_statistics import normalize_by_batch
from bnrepro.nn.cnn import Cnn
from bnrepro.nn.convnet import ConvNet
from bnrepro.nn.fold import Affine, fold_batch_norm
from bnrepro.nn.inception import FIGURE_5, Inception
from bnrepro.nn.layers import Activated, Initialization
from bnrepro.nn.mlp import Mlp
from bnrepro.nn.norms import (
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
from bnrepro.nn.population import estimate_population_statistics

__all__ = [
    "FIGURE_5",
    "Activated",
    "Affine",
    "BatchNorm",
    "Cnn",
    "ConvNet",
    "Inception",
    "Initialization",
    "Mlp",
    "Normalization",
    "batch_norm",
    "batch_norm_detached",
    "batch_norm_ghost",
    "batch_norm_mean_only",
    "batch_norm_noisy",
    "batch_norm_reference",
    "batch_norm_synchronized",
    "batch_renorm",
    "estimate_population_statistics",
    "fold_batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "no_norm",
    "normalize_by_batch",
    "whitening",
]
