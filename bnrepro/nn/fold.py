"""Folding: at inference batch normalization is affine, and joins the linear map before it."""

import copy
from collections import Counter
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as TorchBatchNorm

from bnrepro.nn.batch_norm import BatchNorm
from bnrepro.nn.inception import InceptionModule
from bnrepro.nn.layers import Activated
from bnrepro.nn.linear import Linear
from bnrepro.nn.pointwise import PointwiseConv2d
from bnrepro.nn.siblings import join_siblings

# By exact type: a subclass may compute something else with its weights.
_LINEAR_MAPS = (nn.Linear, Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, PointwiseConv2d)
_LinearMap = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


class Affine(nn.Module):
    """y = scale * x + shift: batch normalization at inference, where no linear map can take it in.

    Args:
        scale: one per feature, (C,), or per activation, (C, H, W).
        shift: of the same shape.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) to the same shape."""
        shape = self.scale.shape + (1,) * (x.dim() - 1 - self.scale.dim())
        return x * self.scale.view(shape) + self.shift.view(shape)

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        return str(tuple(self.scale.shape))


@torch.no_grad()
def fold_batch_norm(model: nn.Module) -> nn.Module:
    """The network for inference, without batch normalization (Section 3.1; Algorithm 2, line 11).

    With fixed statistics BN is y = gamma / sqrt(Var + eps) * x + (beta - gamma * E / sqrt(Var +
    eps)). A linear map or convolution right before it takes scale and shift into its weight and
    bias, and an identity stands in BN's place. It is right before it in an `Activated` and in an
    ``nn.Sequential``, also as the last of a nested one; behind a linear map BN is taken to see
    (N, features). Every other BN becomes an `Affine`: the per-activation form, whose scale differs
    by position; one with no linear map before it, or one whose linear map is used elsewhere too or
    has hooks.

    Two more things, which change nothing but the speed: a ReLU right behind works in place, as
    nothing else holds its input, and the 1x1 convolutions of an Inception module's input become one
    (`join_siblings`). Auxiliary classifiers are folded like everything else; inference doesn't run
    them, and to drop them would ask for knowledge of each network.

    Args:
        model: any module with `BatchNorm` or torch's; it stays as it is.

    Returns:
        A copy in evaluation mode, equal to ``model.eval()`` up to rounding; without BN, a plain
        copy.

    Raises:
        ValueError: a BN layer keeps no running statistics: it has no fixed affine map.
    """
    # The outermost module may be BN itself; inside a container it can be replaced like the others.
    root = nn.Sequential(copy.deepcopy(model).eval())
    if not any(isinstance(module, BatchNorm | TorchBatchNorm) for module in root.modules()):
        return root[0]
    uses = Counter(id(child) for parent in root.modules() for child in parent._modules.values())
    for path, parent in list(root.named_modules()):
        _fold_children(parent, path.split(".")[1:], uses)
    joined = {m: join_siblings(m) for m in root.modules() if isinstance(m, InceptionModule)}
    for parent in list(root.modules()):
        for name, child in parent._modules.items():
            if isinstance(child, InceptionModule):
                parent._modules[name] = joined[child]
    return root[0]


def _fold_children(parent: nn.Module, path: list[str], uses: Counter[int]) -> None:
    """Replace the BN layers right below the parent, which lies at the path."""
    children = parent._modules
    before = {later: earlier for earlier, later in pairwise(_order(parent))}
    behind = {earlier: later for later, earlier in before.items()}
    for name, norm in list(children.items()):
        if not isinstance(norm, BatchNorm | TorchBatchNorm):
            continue
        scale, shift = _affine(norm, ".".join([*path, name]))
        linear = _last(children[before[name]], uses) if name in before else None
        if linear is not None and scale.shape == linear.weight.shape[:1]:
            _merge(linear, scale, shift)
            children[name] = nn.Identity().eval()
        else:
            assert norm.running_mean is not None
            like = norm.running_mean
            children[name] = Affine(scale.to(like), shift.to(like)).eval()
        activation = children[behind[name]] if name in behind else None
        if type(activation) is nn.ReLU and not _observed(activation):
            children[behind[name]] = nn.ReLU(inplace=True).eval()


def _order(parent: nn.Module) -> list[str]:
    """The names of the children, if they are known to run one after another."""
    if type(parent).forward is nn.Sequential.forward:
        return list(parent._modules)
    if type(parent).forward is Activated.forward:
        return ["linear", "norm", "activation"]
    return []


def _last(module: nn.Module | None, uses: Counter[int]) -> _LinearMap | None:
    """The linear map whose output is the module's, if nothing else uses or observes it."""
    if module is None or uses[id(module)] > 1 or _observed(module):
        return None
    if type(module) in _LINEAR_MAPS:
        assert isinstance(module, _LinearMap)
        return module
    if type(module).forward is nn.Sequential.forward and module._modules:
        return _last(list(module._modules.values())[-1], uses)
    return None


def _observed(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _affine(norm: BatchNorm | TorchBatchNorm, name: str) -> tuple[Tensor, Tensor]:
    """Scale and shift in float64, on the CPU (not every accelerator has the type)."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError(
            f"{name or 'the model'}: track_running_stats=False leaves no fixed map to fold"
        )
    scale = torch.rsqrt(_wide(norm.running_var) + norm.eps)
    shift = -_wide(norm.running_mean) * scale
    if norm.weight is not None:
        gamma = _wide(norm.weight)
        scale, shift = gamma * scale, gamma * shift
    if norm.bias is not None:
        shift = shift + _wide(norm.bias)
    return scale, shift


def _merge(linear: _LinearMap, scale: Tensor, shift: Tensor) -> None:
    """Give the linear map new parameters: those that it has may be tied to another module's."""
    weight = linear.weight
    per_output = scale.view(-1, *[1] * (weight.dim() - 1))
    if linear.bias is not None:
        shift = _wide(linear.bias) * scale + shift
    linear.weight = nn.Parameter((_wide(weight) * per_output).to(weight))
    linear.bias = nn.Parameter(shift.to(weight))


def _wide(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float64)
