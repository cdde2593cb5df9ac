"""Networks that are not this project's: torchvision's, and the user's own."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bnrepro.config.source import source_hash
from bnrepro.errors import UserError, nearest
from bnrepro.messages import reason
from bnrepro.nn import Normalization
from bnrepro.training.memory import is_out_of_memory

_LOADED: dict[str, str] = {}
"""Of each module with a network of the user's own: the source that this process runs."""


class Blueprint(NamedTuple):
    """What a network must fit, and what it is built with.

    Attributes:
        num_classes: size of the output.
        image_shape: (C, H, W) of what it receives.
        norm: its normalization.
        seed: of the initial weights.
    """

    num_classes: int
    image_shape: tuple[int, int, int]
    norm: Normalization
    seed: int


class Coloured(nn.Module):
    """A network for colour that is handed grey images: three equal channels.

    Args:
        network: takes (N, 3, H, W).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Images (N, 1, H, W) to what the network returns."""
        logits: Tensor = self.network(x_NCHW.expand(-1, 3, -1, -1))
        return logits


def build_torchvision(name: str, blueprint: Blueprint) -> nn.Module:
    """A classification network of torchvision with random weights and the given normalization.

    Convolutions have no biases under any normalization, ``none`` included: torchvision leaves them
    out wherever it is given one.

    Args:
        name: as in ``torchvision.models``.
        blueprint: grey images become three equal channels.

    Raises:
        UserError: it cannot be built with this normalization, or cannot take such images.
    """

    def build() -> nn.Module:
        from torchvision.models import get_model_builder  # as slow to import as torch itself

        builder = get_model_builder(name)
        # RegNet computes its widths with tensors, which the meta device has not.
        with torch.device("cpu") if name.startswith("regnet") else nullcontext():
            network: nn.Module = builder(
                weights=None, num_classes=blueprint.num_classes, norm_layer=blueprint.norm.maps
            )
        return Coloured(network) if blueprint.image_shape[0] == 1 else network

    return _build_checked(f"model.name={name}", build, blueprint)


def build_python(factory: str, blueprint: Blueprint) -> nn.Module:
    """A network of the user's own. This runs their code.

    Args:
        factory: ``module:function``; the module is looked for in the current folder first.
        blueprint: handed to the function, with a generator of the seed.

    Raises:
        UserError: the module or the function is not there, or fails, or what it returns is no
            network from such images to logits.
    """
    key = f"model.factory={factory}"
    module_name, _, name = factory.partition(":")

    def build() -> nn.Module:
        with _current_folder_first():
            module = _import_as_it_is(module_name, source_hash(factory))
            function = getattr(module, name, None)
            if not callable(function):
                functions = [other for other, value in vars(module).items() if callable(value)]
                meant = nearest(name, functions, or_else="write module:function")
                raise UserError(f"{key}: {module_name} has no function {name}; {meant}")
            generator = torch.Generator().manual_seed(blueprint.seed)
            network: nn.Module = function(
                blueprint.num_classes, blueprint.image_shape, blueprint.norm, generator
            )
        return network

    return _build_checked(key, build, blueprint)


def _import_as_it_is(name: str, source: str) -> ModuleType:
    """The module, loaded anew where its file is no longer what this process loaded.

    Args:
        name: of the module.
        source: `source_hash` of its file.
    """
    module = importlib.import_module(name)
    if _LOADED.setdefault(name, source) != source:
        module = importlib.reload(module)
        _LOADED[name] = source
    return module


@contextmanager
def _current_folder_first() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _build_checked(key: str, build: Callable[[], nn.Module], blueprint: Blueprint) -> nn.Module:
    """The network, after it has computed a blank mini-batch of two.

    Args:
        key: how the user named it, for messages.
        build: draws from torch's global generator, which is the seed's for as long.
        blueprint: what the network must fit.
    """
    num_classes, image_shape, _, seed = blueprint
    with _seeded(seed):
        try:
            network = build()
        except UserError:
            raise
        except Exception as error:
            raise _one_line(f"{key}: cannot be built", error) from error
        if not isinstance(network, nn.Module):
            raise UserError(f"{key}: must be a torch.nn.Module, got {type(network).__name__}")
        network.eval()
        device = next((parameter.device for parameter in network.parameters()), None)
        try:
            with torch.no_grad():
                outputs = network(torch.zeros(2, *image_shape, device=device))
        except Exception as error:
            shape = " x ".join(map(str, image_shape))
            raise _one_line(f"{key}: cannot take images of {shape}", error) from error
    logits = outputs[0] if isinstance(outputs, tuple) and outputs else outputs
    if not isinstance(logits, Tensor):
        raise UserError(f"{key}: must return a tensor of logits, got {type(logits).__name__}")
    if logits.shape != (2, num_classes):
        raise UserError(
            f"{key}: must return one logit per class, (N, {num_classes}); got "
            f"{tuple(logits.shape)} for N = 2"
        )
    return network.train()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generator of the CPU, from which layers draw by default, for a while."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _one_line(what: str, error: Exception) -> Exception:
    """The error as the user's own; but for memory that ran out, which has its own message."""
    if is_out_of_memory(error):
        return error
    return UserError(f"{what} ({type(error).__name__}: {reason(error)})")
