"""One parameter update: forward, backward and SGD as one function, eager or compiled."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class TrainingStep:
    """Gradient of the cross-entropy on a mini-batch, then SGD with momentum, in place.

    v <- momentum v + (g + weight_decay w); w <- w - lr v. The whole of it is one function of
    tensors, so that torch.compile can make one program of it.

    Args:
        model: in training mode, on its device.
        momentum: weight of the past in v.
        weight_decay: L2 penalty on every parameter.
    """

    def __init__(self, model: nn.Module, momentum: float, weight_decay: float) -> None:
        self.model = model
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.parameters: list[Tensor] = list(model.parameters())
        self.velocity = [torch.zeros_like(p) for p in self.parameters] if momentum else []

    def __call__(self, images_NCHW: Tensor, labels_N: Tensor, lr: Tensor) -> Tensor:
        """Update the parameters.

        Args:
            images_NCHW: uint8.
            labels_N: int64.
            lr: the learning rate, a scalar tensor on the model's device.

        Returns:
            The mini-batch's mean cross-entropy before the update, a scalar on the device.
        """
        loss = functional.cross_entropy(self.model(images_NCHW.float()), labels_N)
        gradients = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            self._update(list(gradients), lr)
        return loss.detach()

    def _update(self, gradients: list[Tensor], lr: Tensor) -> None:
        if self.weight_decay:
            gradients = list(
                torch._foreach_add(gradients, self.parameters, alpha=self.weight_decay)
            )
        if self.momentum:
            torch._foreach_mul_(self.velocity, self.momentum)
            torch._foreach_add_(self.velocity, gradients)
            gradients = self.velocity
        torch._foreach_sub_(self.parameters, list(torch._foreach_mul(gradients, lr)))
