"""What training computes is the network, whose state dict it keeps."""

import copy
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

from bnrepro.nn import Inception, Initialization, Normalization, batch_norm, group_norm, no_norm
from bnrepro.nn.training_form import training_form


def _network(norm: Normalization, **options: object) -> nn.Module:
    torch.manual_seed(0)
    small = {"num_classes": 5, "image_size": 40, "width": 0.125, "activation": "relu"}
    return Inception(
        norm=norm,
        init=Initialization("caffe"),
        generator=torch.Generator().manual_seed(0),
        dropout=0.2,
        **small | options,
    ).double()


def _gradients(form: nn.Module, model: nn.Module, x: Tensor) -> list[Tensor]:
    torch.manual_seed(1)  # of Dropout
    outputs = form(x)
    logits = outputs if isinstance(outputs, Tensor) else sum(outputs)
    loss = functional.cross_entropy(logits, torch.arange(len(x)) % 5)
    return [loss, *torch.autograd.grad(loss, list(model.parameters()))]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("norm", "options"),
    [
        (batch_norm, {}),
        (batch_norm, {"activation": "sigmoid", "per_activation_modules": 2}),
        (partial(batch_norm, gamma=False), {"aux_head": True}),
        (no_norm, {"lrn": True}),
        (partial(group_norm, groups=1), {"separable_stem": False}),
    ],
)
def test_trains_the_network_to_the_same_state(norm, options, memory_format) -> None:
    plain = _network(norm(), **options).to(memory_format=memory_format)
    model = copy.deepcopy(plain)
    form = training_form(model)
    for _ in range(2):
        x = torch.randn(6, 3, 40, 40, dtype=torch.double).to(memory_format=memory_format)
        for mine, usual in zip(
            _gradients(form, model, x), _gradients(plain, plain, x), strict=True
        ):
            assert_close(mine, usual)
    assert_close(model.state_dict(), plain.state_dict())


def test_joins_what_reads_a_modules_input() -> None:
    """Fewer calls: that is what it is for."""

    def calls(network: nn.Module) -> int:
        with torch.autograd.profiler.profile() as profile:
            network(torch.randn(2, 3, 40, 40, dtype=torch.double))
        names = ("aten::convolution", "aten::linear", "aten::native_batch_norm")
        return sum(event.count for event in profile.key_averages() if event.key in names)

    model = _network(batch_norm())
    # Of 71 linear maps and 69 normalizations; and the first convolution is one map, not two.
    assert calls(model) - calls(training_form(model)) == 25 + 18 + 1


def test_other_networks_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    assert training_form(model) is model
