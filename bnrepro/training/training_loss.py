"""The training loss as a function of the parameters: what measures of gradients differentiate."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from bnrepro.training.session import Session
from bnrepro.training.step import training_losses

Parameters = Mapping[str, Tensor]
"""By their names in the network; of gradients likewise."""


class TrainingLoss:
    """The loss of one mini-batch in training mode, on a copy: the network and its averages stay.

    Random draws (Dropout) are the same at every call, and taken back.

    Args:
        session: the run's.
        images_NCHW: of the mini-batch, as they are stored.
        labels_N: int64.
    """

    def __init__(self, session: Session, images_NCHW: Tensor, labels_N: Tensor) -> None:
        self._model = copy.deepcopy(session.model)
        self._inputs = session.dataset.to_input(images_NCHW)
        self._labels = labels_N
        self._devices = [session.device] if session.device.type == "cuda" else []
        self.parameters = {name: p.detach() for name, p in self._model.named_parameters()}

    @property
    def layers(self) -> dict[str, str]:
        """Each linear map's weights, by the layer's name, in the network's order.

        ``hidden.0`` has ``hidden.0.linear.weight``. Parameters in between, biases or a norm's,
        belong to the layer before them.
        """
        return {
            name.removesuffix(".weight").removesuffix(".linear"): name
            for name, parameter in self.parameters.items()
            if parameter.dim() > 1
        }

    def at(self, parameters: Parameters) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, a scalar, and its gradient, where the parameters have these values."""
        variables = {name: p.clone().requires_grad_() for name, p in parameters.items()}
        # Some norms go by their averages in training, too: these stay what they are.
        buffers = {name: buffer.clone() for name, buffer in self._model.named_buffers()}
        with torch.enable_grad(), torch.random.fork_rng(self._devices):
            outputs = functional_call(self._model, {**variables, **buffers}, (self._inputs,))
            _, loss = training_losses(outputs, self._labels)
            gradients = torch.autograd.grad(loss, list(variables.values()))
        return loss.detach(), dict(zip(variables, gradients, strict=True))

    def after_step(self, gradient: Parameters, rate: float) -> dict[str, Tensor]:
        """The parameters after a step of plain gradient descent from where they are."""
        return {name: p - rate * gradient[name] for name, p in self.parameters.items()}
