"""One parameter update: forward, backward and SGD as one function, eager or compiled."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

_AUXILIARY_WEIGHT = 0.3


class TrainingStep:
    """Gradient of the cross-entropy on a mini-batch, then SGD with momentum, in place.

    v <- momentum v + (g + weight_decay w); w <- w - lr v. The biases of linear maps may have a rate
    of their own and go without the penalty, as in Caffe's recipes. The whole of it is one function
    of tensors, so that torch.compile can make one program of it. Auxiliary classifiers of the model
    add 0.3 of their cross-entropy each (Szegedy et al. 2014).

    Args:
        model: in training mode, on its device.
        to_input: turns a mini-batch's images into what the model receives.
        momentum: weight of the past in v.
        weight_decay: L2 penalty on every parameter.
        bias_rate: factor on the rate of the biases of linear maps; a norm's beta is none.
        bias_decay: whether the penalty is on them, too.
        precision: of activations and products; parameters and losses stay float32.
    """

    def __init__(
        self,
        model: nn.Module,
        to_input: Callable[[Tensor], Tensor],
        momentum: float,
        weight_decay: float,
        precision: torch.dtype = torch.float32,
        bias_rate: float = 1.0,
        bias_decay: bool = True,
    ) -> None:
        self.model = model
        self.to_input = to_input
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.precision = precision
        self.bias_rate = bias_rate
        self.parameters: list[Tensor] = list(model.parameters())
        biases = _linear_biases(model)
        self._biases = [i for i, p in enumerate(self.parameters) if id(p) in biases]
        self._decayed = [
            i for i in range(len(self.parameters)) if bias_decay or i not in self._biases
        ]
        self.velocity = [torch.zeros_like(p) for p in self.parameters] if momentum else []

    def __call__(self, images_NCHW: Tensor, labels_N: Tensor, lr: Tensor) -> Tensor:
        """Update the parameters.

        Args:
            images_NCHW: uint8, or float with the same range.
            labels_N: int64.
            lr: the learning rate, a scalar tensor on the model's device.

        Returns:
            The mini-batch's mean cross-entropy before the update, without what auxiliary
            classifiers add; a scalar on the device.
        """
        with torch.autocast(
            images_NCHW.device.type, self.precision, enabled=self.precision != torch.float32
        ):
            logits, *auxiliary = _as_tuple(self.model(self.to_input(images_NCHW)))
        loss = functional.cross_entropy(logits.float(), labels_N)
        total = loss
        for head in auxiliary:
            total = total + _AUXILIARY_WEIGHT * functional.cross_entropy(head.float(), labels_N)
        gradients = torch.autograd.grad(total, self.parameters)
        with torch.no_grad():
            self._update(list(gradients), lr)
        return loss.detach()

    def _update(self, gradients: list[Tensor], lr: Tensor) -> None:
        if self.weight_decay:
            penalized = torch._foreach_add(
                [gradients[i] for i in self._decayed],
                [self.parameters[i] for i in self._decayed],
                alpha=self.weight_decay,
            )
            for i, gradient in zip(self._decayed, penalized, strict=True):
                gradients[i] = gradient
        if self.bias_rate != 1.0 and self._biases:
            faster = torch._foreach_mul([gradients[i] for i in self._biases], self.bias_rate)
            for i, gradient in zip(self._biases, faster, strict=True):
                gradients[i] = gradient
        if self.momentum:
            torch._foreach_mul_(self.velocity, self.momentum)
            torch._foreach_add_(self.velocity, gradients)
            gradients = self.velocity
        torch._foreach_sub_(self.parameters, list(torch._foreach_mul(gradients, lr)))


def _linear_biases(model: nn.Module) -> set[int]:
    """The identities of the biases of linear maps and convolutions."""
    return {
        id(module.bias)
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None
    }


def _as_tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else outputs
