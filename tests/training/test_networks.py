"""Networks that are not this project's."""

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
import torch
import torchvision
from torch import nn

from bnrepro.config import RunConfig, load, run_id
from bnrepro.config.options.model import TorchvisionName
from bnrepro.config.source import changed_source
from bnrepro.errors import UserError
from bnrepro.nn import BatchNorm, fold_batch_norm
from bnrepro.training.build import make_model
from bnrepro.training.optimizers import Adam, Optimizer, Sgd

COLOUR = (3, 32, 32)


def _resnet18(*overrides: str) -> RunConfig:
    return load(["model=torchvision", "model.name=resnet18", *overrides])


class _Marker(nn.Identity):
    pass


def _takes_every_normalization(name: str) -> bool:
    """Whether no normalization is left that is not the one handed in."""
    builder = torchvision.models.get_model_builder(name)
    try:
        # RegNet needs real tensors.
        with torch.device("cpu" if name.startswith("regnet") else "meta"):
            network = builder(weights=None, norm_layer=lambda _: _Marker())
    except TypeError:
        return False
    kinds = {type(module) for module in network.modules()}
    own = {kind for kind in kinds if kind.__name__.startswith(("BatchNorm", "LayerNorm"))}
    # The networks of patches normalize the last dimension, not feature maps.
    return _Marker in kinds and not own and not name.startswith(("swin", "vit"))


def test_list_of_networks_is_torchvisions() -> None:
    names = torchvision.models.list_models(module=torchvision.models)
    regnets = {name for name in names if name.startswith("regnet")}
    assert _takes_every_normalization("regnet_x_400mf")  # stands for all: they are large
    assert set(get_args(TorchvisionName)) == regnets | set(
        filter(_takes_every_normalization, {*names} - regnets)
    )


@pytest.mark.parametrize(
    ("norm", "kind"),
    [
        ("batch", nn.BatchNorm2d),
        ("batch_reference", BatchNorm),
        ("group", nn.GroupNorm),
        ("layer", nn.GroupNorm),
        ("none", nn.Identity),
    ],
)
def test_normalization_is_the_runs(norm: str, kind: type[nn.Module]) -> None:
    network = make_model(_resnet18(f"norm={norm}"), COLOUR, 10)
    layers = [module for module in network.modules() if isinstance(module, kind)]
    assert len(layers) >= 20  # torchvision's own identities besides
    others = {nn.BatchNorm2d, BatchNorm, nn.GroupNorm} - {kind}
    assert not any(type(module) in others for module in network.modules())


def test_options_of_the_normalization_are_the_runs() -> None:
    network = make_model(_resnet18("norm.eps=0.01", "norm.momentum=0.3"), COLOUR, 10)
    assert {(m.eps, m.momentum) for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {
        (0.01, 0.3)
    }


def test_weights_are_a_function_of_the_seed_alone() -> None:
    first = make_model(_resnet18("seed=1"), COLOUR, 10).state_dict()
    state = torch.get_rng_state()
    second = make_model(_resnet18("seed=1"), COLOUR, 10).state_dict()
    assert torch.equal(torch.get_rng_state(), state), "the global generator is not moved"
    third = make_model(_resnet18("seed=2"), COLOUR, 10).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["fc.weight"], third["fc.weight"])
    assert first["fc.weight"].shape[0] == 10


def test_grey_images_are_three_equal_channels() -> None:
    grey = make_model(_resnet18(), (1, 32, 32), 10).eval()
    colour = make_model(_resnet18(), COLOUR, 10).eval()
    x = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(grey(x), colour(x.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("overrides", "shape", "message"),
    [
        (["norm=group", "norm.groups=7"], COLOUR, "model.name=resnet18: cannot be built (Value"),
        ([], (4, 32, 32), "model.name=resnet18: cannot take images of 4 x 32 x 32 (RuntimeError"),
    ],
)
def test_what_torchvision_refuses_is_one_line(
    overrides: list[str], shape: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(UserError) as error:
        make_model(_resnet18(*overrides), shape, 10)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=torchvision", "model.name=resnet81"], "did you mean resnet18?"),
        (["model=torchvision", "model.name=vgg16_bn"], "model.name=vgg16_bn: no such model"),
        (["model=resnet18"], "did you mean model=torchvision model.name=resnet18?"),
    ],
)
def test_wrong_names_get_a_suggestion(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        load(overrides)
    assert message in str(error.value)


@pytest.mark.parametrize("norm", ["batch", "batch_reference"])
def test_folded_network_computes_the_same(norm: str) -> None:
    network = make_model(_resnet18(f"norm={norm}"), COLOUR, 10)
    x = torch.rand(4, *COLOUR)
    with torch.no_grad():
        network(x)  # moves the averages away from where they start
        folded = fold_batch_norm(network)
        torch.testing.assert_close(folded(x), network.eval()(x), rtol=1e-4, atol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d | BatchNorm) for m in folded.modules())


def test_torchvisions_networks_take_the_reference_as_norm_layer() -> None:
    """As a library: torchvision hands over what it hands to torch's own."""
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=5).double()
    torch.manual_seed(0)
    ours = torchvision.models.resnet18(num_classes=5, norm_layer=BatchNorm).double()
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    x, labels = torch.rand(4, *COLOUR, dtype=torch.float64), torch.arange(4)
    losses = [nn.functional.cross_entropy(network(x), labels) for network in (ours, theirs)]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs.get_parameter(name).grad)
    for mine, reference in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(mine, reference)


OWN = """
import torch
from torch import nn

def build(num_classes, image_shape, norm, generator):
    first = nn.Linear(image_shape[0] * image_shape[1] * image_shape[2], 6)
    nn.init.normal_(first.weight, generator=generator)
    last = nn.Linear(6, num_classes)
    return nn.Sequential(nn.Flatten(), first, norm.features(6), nn.ReLU(), last)

def number(num_classes, image_shape, norm, generator):
    return 3

def wrong_shape(num_classes, image_shape, norm, generator):
    return nn.Flatten()

def several(num_classes, image_shape, norm, generator):
    class Several(nn.Module):
        def forward(self, x):
            return {"logits": x}
    return Several()

def fails(num_classes, image_shape, norm, generator):
    raise RuntimeError("first line\\nsecond line")

def takes_nothing():
    return nn.Flatten()
"""

_numbers = count()


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder, by a name that no other test has imported."""
    name = f"own_networks_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return name


def _own(module: str, function: str = "build", *overrides: str) -> RunConfig:
    return load(["model=python", f"model.factory={module}:{function}", *overrides])


def test_own_network_is_built_with_the_runs_normalization_and_seed(own_module: str) -> None:
    first, again, other = (
        make_model(_own(own_module, "build", f"seed={seed}"), (1, 4, 4), 3) for seed in (0, 0, 1)
    )
    assert isinstance(first[2], nn.BatchNorm1d)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert not torch.equal(first[1].weight, other[1].weight)
    assert not torch.equal(first[4].weight, other[4].weight), "torch's own generator"


def test_edited_network_is_another_run(own_module: str, tmp_path: Path) -> None:
    before = _own(own_module)
    assert run_id(_own(own_module)) == run_id(before)
    assert changed_source(before) is None
    (tmp_path / f"{own_module}.py").write_text(OWN + "# edited\n")
    assert run_id(_own(own_module)) != run_id(before)
    assert "its source has changed" in str(changed_source(before))
    assert own_module not in sys.modules, "a config runs no code"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("biuld", "has no function biuld; did you mean build?"),
        ("number", "must be a torch.nn.Module, got int"),
        ("wrong_shape", "must return one logit per class, (N, 3); got (2, 16) for N = 2"),
        ("several", "must return a tensor of logits, got dict"),
        ("fails", "cannot be built (RuntimeError: first line)"),
        ("takes_nothing", "cannot be built (TypeError: "),
    ],
)
def test_what_is_wrong_with_an_own_network_is_one_line(
    own_module: str, function: str, message: str
) -> None:
    with pytest.raises(UserError) as error:
        make_model(_own(own_module, function), (1, 4, 4), 3)
    assert f"model.factory={own_module}:{function}: " in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("no_such_module:build", "no module no_such_module"),
        ("json.nothing:build", "no module json.nothing"),
        ("json", "must be module:function"),
    ],
)
def test_module_that_is_not_there_is_told_before_anything_runs(factory: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(["model=python", f"model.factory={factory}"])


def test_module_that_cannot_be_imported_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_network.py").write_text("def build(:\n")
    with pytest.raises(UserError, match=r"cannot be built .SyntaxError"):
        make_model(_own("broken_network"), (1, 4, 4), 3)


def test_edited_network_is_the_one_that_is_trained(own_module: str, tmp_path: Path) -> None:
    """A notebook's process has imported the module before it is edited."""
    assert len(make_model(_own(own_module), (1, 4, 4), 3)) > 2
    (tmp_path / f"{own_module}.py").write_text(OWN + _EDITED)
    assert len(make_model(_own(own_module), (1, 4, 4), 3)) == 2


_EDITED = """
def build(num_classes, image_shape, norm, generator):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, num_classes))
"""


@pytest.mark.parametrize("optimizer", [Sgd, Adam])
def test_frozen_parameters_are_not_trained(optimizer: Callable[[nn.Module], Optimizer]) -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    network[0].requires_grad_(False)
    assert [p.shape for p in optimizer(network).parameters] == [(2, 3), (2,)]
