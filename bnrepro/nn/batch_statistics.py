"""Algorithm 1 at inference: a network that normalizes by the mini-batch that it is given."""

import copy

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as TorchBatchNorm

from bnrepro.nn.batch_norm import BatchNorm


def normalize_by_batch(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose BN layers use the statistics of each mini-batch itself.

    What an example gets then depends on the others of its mini-batch, which the paper does not want
    of an inference network (Section 3.1). No averages are kept, so inputs change nothing; layers
    other than BN run as in evaluation (no Dropout).

    Args:
        model: any module; it stays as it is. The copy's BN layers refuse, by a ValueError, a
            mini-batch that leaves them one value per feature.
    """
    network = copy.deepcopy(model).eval()
    for layer in network.modules():
        if isinstance(layer, BatchNorm | TorchBatchNorm):
            # Without averages to use, evaluation takes the batch's own, here and in torch.
            layer.track_running_stats = False
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None
    return network
