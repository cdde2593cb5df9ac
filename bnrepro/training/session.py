"""What a run computes with, built once from its config."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from rich.console import Console
from torch import nn

from bnrepro.config import RunConfig
from bnrepro.data.batches import TrainingBatches
from bnrepro.data.dataset import Dataset, Split
from bnrepro.errors import UserError
from bnrepro.training.build import (
    crop_dataset,
    load_dataset,
    make_batches,
    make_model,
    make_population_batches,
    make_step,
)
from bnrepro.training.device import Device, compute_reproducibly, pick_device
from bnrepro.training.memory import arrange_memory, is_out_of_memory
from bnrepro.training.step import TrainingStep


@dataclass(frozen=True)
class Session:
    """A run's data and network on their device.

    Attributes:
        config: the run.
        device: where it all is.
        dataset: as the network receives it; on ``device``, or mapped.
        stored_test: the held-out images as they are stored, uncropped, on the CPU.
        model: in training mode; with its initial weights until something changes them.
    """

    config: RunConfig
    device: torch.device
    dataset: Dataset
    stored_test: Split
    model: nn.Module

    @cached_property
    def update(self) -> TrainingStep:
        """The parameter update, which owns the optimizer's state; not compiled."""
        return make_step(self.config, self.dataset, self.model)

    @contextmanager
    def taking_back(self) -> Iterator[None]:
        """Steps in here set a program up, before the first update; what they do is undone."""
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        try:
            yield
        finally:
            self.model.load_state_dict(before)
            for state in self.update.optimizer.state:
                state.zero_()
            torch.manual_seed(self.config.seed)

    def batches(self) -> TrainingBatches:
        """The training mini-batches, for one reader: each reads ahead for itself."""
        return make_batches(self.config, self.dataset, self.device)

    def population_batches(self) -> TrainingBatches:
        """Likewise what population statistics are estimated from."""
        return make_population_batches(self.config, self.dataset, self.device)


def build_session(
    config: RunConfig,
    console: Console,
    device: Device | None = None,
    stored: Dataset | None = None,
) -> Session:
    """Load the data, build the network, and set this process up to compute with them.

    Args:
        config: the run.
        console: progress, where images have to be decoded first.
        device: where to compute; None: where the config says.
        stored: the data, uncropped; None: they are loaded.

    Raises:
        UserError: the device or the data are not available, or do not fit into memory.
    """
    torch.set_num_threads(config.runtime.threads)
    arrange_memory()
    where = pick_device(device or config.runtime.device)
    compute_reproducibly(where)
    try:
        if stored is None:
            stored = load_dataset(config, console)
        dataset = crop_dataset(config, stored).to(where)
        torch.manual_seed(config.seed)
        # Channels last: what convolutions are fastest in, on CPU and GPU alike.
        model = (
            make_model(config, dataset.input_shape, dataset.num_classes)
            .to(where)
            .to(memory_format=torch.channels_last)
            .train()
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"model={config.model.name}: data and network do not fit into memory; use smaller ones"
        ) from error
    return Session(config, where, dataset, stored.test, model)
