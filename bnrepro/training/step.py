"""One parameter update: forward, backward and the optimizer as one function, eager or compiled."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnrepro.training.optimizers import Optimizer

Step = Callable[..., Tensor]
"""A `TrainingStep` with the making of its mini-batch: what `TrainingBatches.ingredients` returned,
then the rate, to the loss."""

MakeBatch = Callable[..., tuple[Tensor, Tensor]]
"""Images and labels from their ingredients: `TrainingBatches.make`."""

_AUXILIARY_WEIGHT = 0.3


class TrainingStep:
    """Gradient of the cross-entropy on a mini-batch, then the optimizer's update, in place.

    The whole and both parts are functions of tensors, so that torch.compile can make programs of
    them.
    Auxiliary classifiers of the model add 0.3 of their cross-entropy each (Szegedy et al. 2014).

    Args:
        model: in training mode, on its device.
        to_input: turns a mini-batch's images into what the model receives.
        optimizer: updates the model's parameters.
        precision: of activations and products; parameters and losses stay float32.
    """

    def __init__(
        self,
        model: nn.Module,
        to_input: Callable[[Tensor], Tensor],
        optimizer: Optimizer,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.model = model
        self.to_input = to_input
        self.optimizer = optimizer
        self.precision = precision

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
        loss, gradients = self.gradients(images_NCHW, labels_N)
        self.update(gradients, lr)
        return loss

    def gradients(self, images_NCHW: Tensor, labels_N: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The loss as above, and the gradient of what is minimized, for each parameter."""
        with torch.autocast(
            images_NCHW.device.type, self.precision, enabled=self.precision != torch.float32
        ):
            outputs = self.model(self.to_input(images_NCHW))
        loss, total = training_losses(outputs, labels_N)
        return loss.detach(), torch.autograd.grad(total, self.optimizer.parameters)

    @torch.no_grad()
    def update(self, gradients: Sequence[Tensor], lr: Tensor) -> None:
        """The optimizer's update by these gradients."""
        self.optimizer(list(gradients), lr)


def with_its_batch(
    update: Callable[[Tensor, Tensor, Tensor], Tensor], make_batch: MakeBatch
) -> Step:
    """A step that makes its mini-batch, and then updates by it.

    Args:
        update: a `TrainingStep`, or what computes the same.
        make_batch: from the ingredients.
    """

    def step(*ingredients_and_rate: Tensor) -> Tensor:
        *ingredients, lr = ingredients_and_rate
        return update(*make_batch(*ingredients), lr)

    return step


def training_losses(
    outputs: Tensor | tuple[Tensor, ...], labels_N: Tensor
) -> tuple[Tensor, Tensor]:
    """A mini-batch's mean cross-entropy, and the sum with auxiliary classifiers' that is minimized.

    Args:
        outputs: logits (N, classes); behind them those of auxiliary classifiers, if there are any.
        labels_N: int64.
    """
    logits, *auxiliary = (outputs,) if isinstance(outputs, Tensor) else outputs
    loss = functional.cross_entropy(logits.float(), labels_N)
    total = loss
    for head in auxiliary:
        total = total + _AUXILIARY_WEIGHT * functional.cross_entropy(head.float(), labels_N)
    return loss, total
